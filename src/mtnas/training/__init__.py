"""Training: many models as one, the optimisers, the loop."""
