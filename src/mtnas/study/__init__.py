"""What follows from a configuration: its searches, the spec of every job, paths, fingerprints.

Nothing here imports torch, since every job reads the workflow again and torch loads slowly.
"""

from mtnas.config.load import load
from mtnas.config.study import Study
from mtnas.study.jobs import (
    diagnose_spec,
    is_tuned,
    prepare_spec,
    run_spec,
    search_spec,
    simulate_spec,
    simulated_study_spec,
    subsets_spec,
    tune_spec,
)
from mtnas.study.runs import experiment_searches, search_home

__all__ = [
    "Study", "diagnose_spec", "experiment_searches", "is_tuned", "load", "prepare_spec",
    "run_spec", "search_home", "search_spec", "simulate_spec", "simulated_study_spec",
    "subsets_spec", "tune_spec",
]  # fmt: skip
