"""Two runs side by side: scores of the seeds that both have.

Runs of one dataset may have different numbers of seeds. A seed means the same split and batches in
every run, so what both have is compared; whoever prints a difference says how many seeds it is of.
"""

import pandas as pd

from mtnas.config.entries import PAPER
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.statistics import Difference, paired_difference
from mtnas.runtime.errors import RecordError

Row = tuple[str, str]  # (method, variant)
MTNAS: Row = ("mtnas", PAPER)
SINGLE: Row = ("single_task", PAPER)


def common_seeds(*runs: "pd.Series[float]") -> list[int]:
    """Return the seeds that all of some runs have, in order.

    Raises:
        RecordError: there is none.
    """
    seeds = sorted(set.intersection(*(set(run.index) for run in runs)))
    if not seeds:
        held = "; ".join(str(sorted(run.index)) for run in runs)
        raise RecordError(
            f"paired comparison: the runs have no seed in common ({held}); rerun them with equal "
            "`seeds`"
        )
    return seeds


def on_common_seeds(*runs: "pd.Series[float]") -> tuple["pd.Series[float]", ...]:
    """Return the runs with the seeds that all of them have, each once."""
    seeds = common_seeds(*runs)
    return tuple(run[run.index.isin(seeds)].sort_index() for run in runs)


def difference(
    ours: "pd.Series[float]", other: "pd.Series[float]", resampling: Resampling
) -> Difference:
    """Return the mean of ours - other over their n common seeds, with its interval."""
    first, second = on_common_seeds(ours, other)
    return paired_difference(first, second, resampling)
