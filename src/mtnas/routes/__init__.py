"""Sharing routes, and the search spaces that contain them. Nothing here needs torch."""
