"""Sections of the benchmark on a GPU, each a process of its own; and what was predicted of them."""
