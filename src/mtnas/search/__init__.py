"""Search strategies: each finds a route of the space for every seed."""
