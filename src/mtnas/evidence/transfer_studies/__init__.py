"""What runs of subsets of tasks say of capacity, alignment and weights (Wu, Zhang, Ré, 2020)."""
