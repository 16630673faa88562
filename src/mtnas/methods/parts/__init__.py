"""Parts that sharing methods are built from: layers, gates, the model around them."""
