"""The benchmarks: each module has `run(settings)` and returns an `Outcome`."""
