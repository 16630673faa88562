"""How the seeds of a comparison came to their rows, which its interval depends on.

overlapping  each seed splits one table anew. Its training sets have most of their rows in common,
             so seeds are no independent draws, and a plain t interval is too narrow. The variance
             of a mean of n values is (1/n + test rows / training rows) times theirs: the corrected
             resampled t of Nadeau and Bengio (Machine Learning 52, 2003), a heuristic that errs
             on the wide side where a learner is stable.
disjoint     seeds test disjoint rows of one table, fold by fold, until none are left. Within such
             a repetition the plain t is taken: training sets still overlap, so it is a little too
             narrow (a test simulates how much), yet far less than of random splits. Seeds beyond
             one repetition test the same rows again: pairs of seeds of two repetitions count as
             those of overlapping splits do.
independent  each seed draws rows of its own: the plain t is right.
fixed        all seeds have one split: the plain t is right about initialisation and the order of
             batches, and says nothing of other rows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.splits import num_folds
from mtnas.runtime.errors import RecordError

Kind = Literal["overlapping", "disjoint", "independent", "fixed"]
WORDS: dict[Kind, str] = {
    "overlapping": "corrected t: splits overlap",
    "disjoint": "t: disjoint test rows, overlapping training rows",
    "independent": "t",
    "fixed": "t: one split, so of initialisation only",
}


@dataclass(frozen=True)
class Resampling:
    """Of which kind the rows are; of random splits of one table the test rows per training row, and
    of disjoint ones how many seeds make up a repetition (`folds`).
    """

    kind: Kind
    test_share: float = 0.0
    folds: int = 0

    def __post_init__(self) -> None:
        """Refuse a share that the kind does not have."""
        of_one_table = self.kind in ("overlapping", "disjoint")
        if of_one_table != (self.test_share > 0) or (self.kind == "disjoint") != (self.folds > 0):
            raise ValueError(f"resampling: {self}")

    @property
    def words(self) -> str:
        """Return which interval it asks for, and why."""
        return WORDS[self.kind]

    @property
    def limit(self) -> str:
        """Say why more seeds do not narrow an interval without end, if they do not."""
        if self.kind == "disjoint":
            return f"{self.folds} of them test every row once"
        return "their splits overlap" if self.kind == "overlapping" else ""

    @property
    def too_few(self) -> str:
        """Say that no number of seeds shows a difference."""
        return f"no number of seeds: {self.limit}"

    def variance(self, n: int) -> float:
        """Return the variance of a mean of the values of seeds 0 .. n-1, of sample variance 1."""
        if not self.folds or n < 2:
            return 1 / n + self.test_share
        whole, rest = divmod(n, self.folds)
        together = whole * math.comb(self.folds, 2) + math.comb(rest, 2)
        apart = 1 - together / math.comb(n, 2)  # share of pairs that are of two repetitions
        correlation = apart * self.test_share / (1 + self.test_share)
        return 1 / n + correlation / (1 - correlation)


INDEPENDENT, FIXED = Resampling("independent"), Resampling("fixed")


def at_share(test_share: float, folds: int = 0) -> Resampling:
    """Return the resampling with so many test rows per training row; 0: seeds do not overlap."""
    if not test_share:
        return INDEPENDENT
    return Resampling("disjoint" if folds else "overlapping", test_share, folds)


def share_drawn_anew(manifest: Manifest, part: str = "test") -> float:
    """Return the rows of a part per training row of random splits, the largest of all sources.

    0: seeds do not move the split, or that of no source.
    """
    return max((own[part] / own["train"] for own in _moved(manifest)), default=0.0)


def folds_of(manifest: Manifest) -> int:
    """Return how many seeds test disjoint rows, the fewest of all sources; 0: they do not."""
    if manifest.spec.splits != "disjoint":
        return 0
    return min(map(num_folds, _moved(manifest)), default=0)


def _moved(manifest: Manifest) -> list[Mapping[str, int]]:
    """Return the rows of train, valid and test of all sources that seeds split anew."""
    sizes = manifest.source_sizes or {"": manifest.split_sizes}
    moved = [own for name, own in sizes.items() if name not in manifest.fixed_sources]
    return list(moved) if manifest.split_kind == "random" else []


def resampling_of(
    test_share: float | None, *, drawn: bool, fixed: bool, where: str, folds: int = 0
) -> Resampling:
    """Return how the seeds of a job came to their rows: the one place that decides it.

    Args:
        test_share: as `share_drawn_anew`; None: it was not recorded.
        drawn: the table has rows of its own for every seed.
        fixed: the job takes the stored split for all seeds.
        where: names the record in an error.
        folds: as `folds_of`.

    Raises:
        RecordError: it depends on a share that was not recorded.
    """
    if drawn and not fixed:
        return INDEPENDENT
    if fixed or test_share == 0:
        return FIXED
    if test_share is None:
        raise RecordError(
            f"{where}: written before records told how many rows are for test, which intervals "
            "depend on; delete it and make it again"
        )
    return at_share(test_share, folds)
