"""Search strategies: each gives every seed a route of the space."""
