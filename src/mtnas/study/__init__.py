"""What a configuration implies: runs, searches, the spec of every job, paths, fingerprints.

Nothing here imports torch: the workflow is parsed again by every job.
"""

from mtnas.config.resolve import drawn_options, is_simulated, merged, num_tasks, resolve_options
from mtnas.config.schema import searches
from mtnas.config.study import BUDGET_METHOD, PAPER, Config, Run, Spec
from mtnas.study.load import load
from mtnas.study.runs import all_runs, experiment_runs, experiment_searches, search_home
from mtnas.study.specs import (
    is_tuned,
    prepare_spec,
    run_spec,
    search_spec,
    simulate_spec,
    tune_spec,
)

__all__ = [
    "BUDGET_METHOD", "PAPER", "Config", "Run", "Spec", "all_runs", "drawn_options",
    "experiment_runs", "experiment_searches", "is_simulated", "is_tuned", "load", "merged",
    "num_tasks", "prepare_spec", "resolve_options", "run_spec", "search_home", "search_spec",
    "searches", "simulate_spec", "tune_spec",
]  # fmt: skip
