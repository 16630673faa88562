"""A first look at a table: what its columns hold, what they could be, what will go wrong."""
