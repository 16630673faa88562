"""Capacity: with too little of it tasks interfere, with too much of it they do not share.

Wu, Zhang, Ré (ICLR 2020), Sec. 2.2 and Proposition 1: the shared linear model with capacity r on
tasks whose models have a low rank (`transfer.generators.low_rank_tasks`), and each task alone.
Risks are exact: the mean over tasks of |learned - true model|^2, which is the expected squared
error on a new row without label noise.
"""

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from mtnas.evidence.simulated_record import Line
from mtnas.experiments.simulated._options import Counts
from mtnas.runtime import options as base
from mtnas.runtime import seeds
from mtnas.transfer import linear
from mtnas.transfer.arrays import Floats
from mtnas.transfer.generators import Planted, low_rank_tasks

TITLE = "Capacity of the shared linear model"
SETTINGS = {
    "rows": "rows of each task",
    "model": "single (each task alone) or shared",
    "rank": "capacity, the columns of the shared matrix; empty for single",
}
METRICS = {
    "excess_risk": "mean over tasks of the expected squared error without label noise",
    "distance_from_single": "largest difference of a coefficient from that learned alone "
    "(Proposition 1: 0 from as many columns as tasks on)",
}


class Options(base.Options):
    """What is drawn and how it is learned."""

    tasks: int = Field(5, ge=2, description="number of tasks")
    dim: int = Field(20, ge=2, description="inputs")
    planted_rank: int = Field(2, ge=1, description="rank of the true models together")
    noise: float = Field(0.7, ge=0, description="standard deviation of label noise")
    rows: Counts = Field((25, 40, 200), description="rows of each task")
    ranks: Counts = Field(tuple(range(1, 9)), description="capacities of the shared model")
    starts: int = Field(1, ge=0, description="random beginnings of a fit, beside those from tasks")

    @model_validator(mode="after")
    def _can_be_planted(self) -> Self:
        most = min(self.tasks, self.dim)
        if self.planted_rank > most:
            raise ValueError(f"planted_rank: {self.planted_rank}; at most {most}, tasks and inputs")
        return self


def unit(options: Options, seed: int) -> list[Line]:
    """Return the risks of one seed."""
    rows: list[Line] = []
    for size in options.rows:
        rng = seeds.generator(seed, "synthetic")
        planted = low_rank_tasks(
            rng, size, options.tasks, options.dim, options.planted_rank, options.noise
        )
        rows += [{"rows": size, **row} for row in _capacities(planted, options)]
    return rows


def _capacities(planted: Planted, options: Options) -> list[Line]:
    xs, ys = zip(*planted.tasks, strict=True)
    alone_DK = np.stack([linear.single(x, y) for x, y in planted.tasks], axis=1)
    alone = _risk(planted, alone_DK)
    rows: list[Line] = [{"model": "single", "metric": "excess_risk", "value": alone}]
    for rank in options.ranks:
        rng = np.random.default_rng(0)
        theta_DK = linear.fit(xs, ys, rank, rng=rng, starts=options.starts).theta
        distance = float(np.abs(theta_DK - alone_DK).max())
        place: Line = {"model": "shared", "rank": rank}
        rows += [
            {**place, "metric": "excess_risk", "value": _risk(planted, theta_DK)},
            {**place, "metric": "distance_from_single", "value": distance},
        ]
    return rows


def _risk(planted: Planted, theta_DK: Floats) -> float:
    risks = [planted.excess_risk(theta_D, k) for k, theta_D in enumerate(theta_DK.T)]
    return float(np.mean(risks))
