"""How the seeds of a comparison came to their rows, which its interval depends on.

overlapping  each seed splits one table anew. Its training sets have most of their rows in common,
             so seeds are no independent draws, and a plain t interval is too narrow. The variance
             of a mean of n values is (1/n + test rows / training rows) times theirs: the corrected
             resampled t of Nadeau and Bengio (Machine Learning 52, 2003), a heuristic that errs
             on the wide side where a learner is stable.
independent  each seed draws rows of its own: the plain t is right.
fixed        all seeds have one split: the plain t is right about initialisation and the order of
             batches, and says nothing of other rows.
"""

from dataclasses import dataclass
from typing import Literal

from mtnas.data.prepare.manifest import Manifest
from mtnas.runtime.errors import RecordError

Kind = Literal["overlapping", "independent", "fixed"]
WORDS: dict[Kind, str] = {
    "overlapping": "corrected t: splits overlap",
    "independent": "t",
    "fixed": "t: one split, so of initialisation only",
}
TOO_FEW = "no number of seeds: splits overlap"  # that a difference takes


@dataclass(frozen=True)
class Resampling:
    """Of which kind the rows are, and of overlapping splits the test rows per training row."""

    kind: Kind
    test_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a share that the kind does not have."""
        if (self.kind == "overlapping") != (self.test_share > 0):
            raise ValueError(f"resampling: {self.kind} with a test share of {self.test_share:g}")

    @property
    def words(self) -> str:
        """Return which interval it asks for, and why."""
        return WORDS[self.kind]

    def variance(self, n: int) -> float:
        """Return the variance of a mean of n values, of values with a variance of 1."""
        return 1 / n + self.test_share


INDEPENDENT, FIXED = Resampling("independent"), Resampling("fixed")


def at_share(test_share: float) -> Resampling:
    """Return the resampling with so many test rows per training row; 0: seeds do not overlap."""
    return Resampling("overlapping", test_share) if test_share else INDEPENDENT


def share_drawn_anew(manifest: Manifest, part: str = "test") -> float:
    """Return the rows of a part per training row of random splits, the largest of all sources.

    0: seeds do not move the split, or that of no source.
    """
    sizes = manifest.source_sizes or {"": manifest.split_sizes}
    moved = [own for name, own in sizes.items() if name not in manifest.fixed_sources]
    if manifest.split_kind != "random" or not moved:
        return 0.0
    return max(own[part] / own["train"] for own in moved)


def resampling_of(test_share: float | None, *, drawn: bool, fixed: bool, where: str) -> Resampling:
    """Return how the seeds of a job came to their rows: the one place that decides it.

    Args:
        test_share: as `share_drawn_anew`; None: it was not recorded.
        drawn: the table has rows of its own for every seed.
        fixed: the job takes the stored split for all seeds.
        where: names the record in an error.

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
    return at_share(test_share)
