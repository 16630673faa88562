"""What sharing methods are made of: layers, gates, the model around them."""
