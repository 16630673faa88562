"""Benchmarks: ours and the alternatives on identical work, in one session."""
