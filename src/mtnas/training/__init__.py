"""Training: many models at once, their optimisers, the training loop."""
