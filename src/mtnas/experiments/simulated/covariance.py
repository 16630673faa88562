"""Sources that differ from the target in their covariance: which of them help, and how many rows.

Wu, Zhang, Ré (ICLR 2020), Sec. 2.3 and the experiment of its Fig. 3, with capacity 1. The data are
those of `transfer.generators.rotated`, which says where they differ from what the paper prints.
Risks are exact: the expected squared error on a new row of the target without label noise, divided
by the second moment of its clean label (relative excess risk). A second part (`overlap`) moves the
covariance of one source step by step onto that of the target, at the last of `source_rows`.
"""

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from mtnas.evidence.simulated_record import Line
from mtnas.experiments.simulated._options import Counts, Different, Shares
from mtnas.runtime import options as base
from mtnas.runtime import seeds
from mtnas.transfer import linear
from mtnas.transfer.covariance import similarity, similarity_of
from mtnas.transfer.generators import SOURCES, Planted, rotated

TITLE = "Transfer from sources with the covariance of the target, and with others"
SETTINGS = {
    "part": "size: by rows of the source; overlap: by the covariance of source other_directions",
    "target_rows": "rows of the target, task 1",
    "kappa": "spread along a tenth of the directions; elsewhere it is 1",
    "noise": "standard deviation of label noise, as a multiple of that of the clean label",
    "source": "aligned (task 2), other_directions (task 3), rotated (task 4); empty: target alone",
    "source_rows": "rows of the source",
    "overlap": "share of the large directions of the source that are those of the target",
}
METRICS = {
    "single_risk": "relative excess risk of the target learned alone",
    "joint_risk": "relative excess risk of the target learned together with the source",
    "gap": "joint_risk minus single_risk; below 0: positive transfer",
    "similarity": "covariance similarity of the drawn inputs, Eq. (5)",
    "normalised_similarity": "the same, divided by what each task has with itself (0 to 1)",
    "planted_similarity": "normalised similarity of the planted covariances",
}


class Condition(base.Options):
    """One target: how many rows, how uneven the inputs, how noisy the labels."""

    target_rows: int = Field(20, ge=1)
    kappa: float = Field(100.0, gt=0)
    noise: float = Field(1.0, ge=0)


class Options(base.Options):
    """What is drawn and how it is learned."""

    dim: int = Field(100, ge=20, multiple_of=10, description="inputs, a multiple of 10")
    cosine: float = Field(0.96, ge=-1, le=1, description="of the models of target and sources")
    conditions: Different[Condition] = Field(
        (
            Condition(target_rows=20, kappa=100.0, noise=1.0),
            Condition(target_rows=50, kappa=10.0, noise=1.0),
            Condition(target_rows=40, kappa=100.0, noise=0.0),
        ),
        description="target_rows, kappa and noise of each target; without noise the order of "
        "sources is reversed",
    )
    source_rows: Counts = Field((30, 100, 200, 400, 800), description="rows of the sources")
    overlaps: Shares = Field(
        (0.0, 0.3, 0.5, 0.7, 0.9, 1.0),
        description="shares of large directions that source and target have in common, for the "
        "first condition",
    )
    starts: int = Field(1, ge=0, description="random beginnings of a fit, beside those from tasks")


def unit(options: Options, seed: int) -> list[Line]:
    """Return risks and similarities of one seed; a source of m rows is the first m of a larger."""
    rows: list[Line] = []
    for condition in options.conditions:
        planted = _draw(options, condition, seed)
        rows += _size(planted, condition, options)
    condition = options.conditions[0]
    for overlap in options.overlaps:
        planted = _draw(options, condition, seed, overlap)
        setting = {"part": "overlap", "overlap": overlap, **condition.model_dump()}
        last = options.source_rows[-1]
        rows += [{**setting, **row} for row in _joint(planted, 2, last, options.starts)]
    return rows


def _draw(options: Options, condition: Condition, seed: int, overlap: float = 0.0) -> Planted:
    return rotated(
        seeds.generator(seed, "synthetic"),
        options.dim,
        condition.target_rows,
        max(options.source_rows),
        condition.kappa,
        condition.noise,
        options.cosine,
        overlap,
    )


def _size(planted: Planted, condition: Condition, options: Options) -> list[Line]:
    setting = {"part": "size", **condition.model_dump()}
    rows: list[Line] = [{"metric": "single_risk", "value": _single_risk(planted)}]
    for task in range(1, 1 + len(SOURCES)):
        for size in options.source_rows:
            rows += _joint(planted, task, size, options.starts)
    return [{**setting, **row} for row in rows]


def _single_risk(planted: Planted) -> float:
    return planted.excess_risk(linear.single(*planted.tasks[0])) / planted.signal()


def _joint(planted: Planted, task: int, size: int, starts: int) -> Iterator[Line]:
    """Yield the risk of the target with one source, and how similar their inputs are."""
    target, (x_ND, y_N) = planted.tasks[0], planted.tasks[task]
    xs, ys = (target.x_ND, x_ND[:size]), (target.y_N, y_N[:size])
    found = linear.fit(xs, ys, 1, rng=np.random.default_rng(0), starts=starts)
    risk = planted.excess_risk(found.theta[:, 0]) / planted.signal()
    # Whole: which of several equal eigenvalues 99 % of them would leave out is chance.
    truth = similarity_of(*planted.covariance_KDD[[0, task]], energy=1.0)
    drawn = similarity(*xs)
    values = {
        "joint_risk": risk,
        "gap": risk - _single_risk(planted),
        "similarity": drawn.score,
        "normalised_similarity": drawn.normalised,
        "planted_similarity": truth.normalised,
    }
    place: Line = {"source": SOURCES[task - 1], "source_rows": size}
    for metric, value in values.items():
        yield {**place, "metric": metric, "value": value}
