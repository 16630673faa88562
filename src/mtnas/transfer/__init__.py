"""What decides whether tasks help each other: theory and measures of Wu, Zhang, Ré (ICLR 2020)."""
