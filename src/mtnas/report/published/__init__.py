"""`results/published`: what is kept of studies, and what is made from it."""
