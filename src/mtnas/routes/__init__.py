"""Sharing routes and the spaces that they come from. Nothing here needs torch."""
