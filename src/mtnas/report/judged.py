"""Searches judged by the ground truth of their space: what each picked, and what that is worth."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.config.options import CONTROLS
from mtnas.evidence.exhaustive_table import read_ground_truth
from mtnas.evidence.records import read_run, scores_by_seed
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.search_record import FoundRoute, SearchRecord
from mtnas.evidence.statistics import Difference, paired_difference
from mtnas.report.names import dataset_name, synthetic_name
from mtnas.routes.named import full_sharing, no_sharing, share_bottom
from mtnas.routes.space import SearchSpace
from mtnas.routes.tables import space_from
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import remake
from mtnas.study.specs import ExhaustiveSpec
from mtnas.tasks.metrics import OF_KIND, split_column

Floats = NDArray[np.float64]

GOOD = 0.1  # the best patterns that together hold at least this share of a space are called good
ONE_SUBNET = "Share-Bottom (one sub-network)"


@dataclass(frozen=True)
class Truth:
    """The ground truth of one space on one dataset; losses are [routes, seeds]."""

    name: str
    source: str
    dataset: str
    title: str
    unit: str
    simulated: bool
    code: str
    space: SearchSpace
    resampling: Resampling
    seeds: tuple[int, ...]
    test_RS: Floats
    valid_RS: Floats
    pattern_R: NDArray[np.int64]

    @classmethod
    def read(cls, path: str | Path) -> "Truth":
        """Read the file of one space."""
        truth = read_ground_truth(path)
        if len(truth.records) != 1:
            raise RecordError(f"{path}: holds {len(truth.records)} spaces, expected one")
        ((name, record),) = truth.records.items()
        test, spec = truth.table(name, "test_loss"), record.spec
        return cls(
            name,
            str(path),
            spec.dataset,
            _title(spec),
            "squared error" if spec.synthetic else _unit(truth.frame),
            record.simulated,
            record.code or "",
            truth.space(name),
            record.resampling,
            tuple(int(seed) for seed in test.columns),
            test.to_numpy(float),
            truth.table(name, "valid_loss").to_numpy(float),
            truth.table(name, "pattern").to_numpy(np.int64)[:, 0],
        )

    @cached_property
    def mean_loss(self) -> Floats:
        """Return the mean test loss of every route."""
        return np.asarray(self.test_RS.mean(1))

    @cached_property
    def pattern_loss(self) -> Floats:
        """Return for every route the mean loss of all routes that share in the same way.

        They differ in the names of their sub-networks, so in initial weights: in luck.
        """
        _, of_R, size = np.unique(self.pattern_R, return_inverse=True, return_counts=True)
        return np.asarray((np.bincount(of_R, self.mean_loss) / size)[of_R])

    @property
    def spread_in_patterns(self) -> float:
        """Return the standard deviation of mean test losses around that of their pattern."""
        spare = len(self.mean_loss) - len(np.unique(self.pattern_R))
        squares = np.square(self.mean_loss - self.pattern_loss).sum()
        return float(np.sqrt(squares / max(spare, 1)))

    @property
    def best(self) -> int:
        """Return the route with the lowest mean test loss: the best one in hindsight."""
        return int(self.mean_loss.argmin())

    @property
    def oracle(self) -> dict[int, int]:
        """Return, by seed, the route with the lowest validation loss once all are trained."""
        return dict(zip(self.seeds, self.valid_RS.argmin(0).tolist(), strict=True))

    @cached_property
    def good(self) -> NDArray[np.bool_]:
        """Say which routes are of the best patterns that hold at least a share `GOOD` together."""
        worst = np.sort(self.pattern_loss)[math.ceil(GOOD * len(self.mean_loss)) - 1]
        return np.asarray(self.pattern_loss <= worst)

    @property
    def known(self) -> dict[str, int]:
        """Return, by name, the numbers of the routes that need no search.

        There is no sharing only where a layer has a sub-network for every task.
        """
        routes = {"full sharing": full_sharing, ONE_SUBNET: share_bottom}
        if self.space.num_subnets >= self.space.num_tasks:
            routes["no sharing"] = no_sharing
        return {name: build(self.space).canonical().index for name, build in routes.items()}

    def losses(self, picks: Mapping[int, int]) -> pd.DataFrame:
        """Return the losses of one route per seed: a row per seed, columns `test` and `valid`."""
        seeds = sorted(picks)
        at = [picks[s] for s in seeds], [self.seeds.index(s) for s in seeds]
        return pd.DataFrame({"test": self.test_RS[at], "valid": self.valid_RS[at]}, index=seeds)

    def chance(self) -> pd.DataFrame:
        """Return what a route drawn uniformly loses on average, like `losses`."""
        means = {"test": self.test_RS.mean(0), "valid": self.valid_RS.mean(0)}
        return pd.DataFrame(means, index=list(self.seeds))

    def over(self, losses: pd.DataFrame, others: pd.DataFrame, part: str = "test") -> Difference:
        """Return how far losses are above others of the same seeds, paired."""
        return paired_difference(losses[part], others[part], self.resampling)


def _title(spec: ExhaustiveSpec) -> str:
    """Name the dataset of a ground truth; synthetic data by what they are drawn from."""
    drawn = spec.synthetic
    return synthetic_name(drawn) if drawn else dataset_name(spec.dataset)


def _unit(frame: pd.DataFrame) -> str:
    """Return the unit of the losses of a ground truth, which the scores beside them tell."""
    tested = (name.removeprefix("test_") for name in map(str, frame) if name.startswith("test_"))
    metrics = {split_column(name)[0] for name in tested}
    losses = {of[-1] for of in OF_KIND.values() if metrics.intersection(of[:-1])}
    if len(losses) == 1:
        return {"log_loss": "nats", "mse": "squared error"}[losses.pop()]
    return "sum of nats and squared errors" if losses else "loss"


@dataclass(frozen=True)
class Found:
    """What one search found: losses by seed; where they were looked up, routes by seed.

    A control (random routes) has searched nothing.
    """

    dataset: str
    variant: str
    source: str
    losses: pd.DataFrame
    picks: Mapping[int, int] | None = None
    good_mass: float | None = None
    spent: tuple[int, int] | None = None
    code: str = ""
    is_control: bool = False


def read_judged(truths: Sequence[Truth], judged: Sequence[Mapping[str, str]]) -> list[Found]:
    """Read what searches found: for each dataset and variant its routes.json, whose routes are
    looked up, or the folder of its own run.

    Raises:
        RecordError: a file is broken, or holds other seeds or another space than the ground truth.
    """
    by_dataset = {truth.dataset: truth for truth in truths}
    found = []
    for entry in judged:
        truth, path = by_dataset[entry["dataset"]], Path(entry["path"])
        read = _looked_up if path.suffix == ".json" else _trained
        result = read(truth, entry["variant"], path)
        if tuple(result.losses.index) != truth.seeds:
            raise RecordError(
                f"{path}: seeds {list(result.losses.index)}, the ground truth {truth.source} has "
                f"{list(truth.seeds)}; run `{remake(path)}`"
            )
        found.append(result)
    return found


def _looked_up(truth: Truth, variant: str, path: Path) -> Found:
    record = SearchRecord.read(path)
    if space_from(**record.space) != truth.space:
        raise RecordError(
            f"{path}: routes of {record.space}, the ground truth is of "
            f"{truth.space.to_json()}; run `{remake(path)}`"
        )
    picks = {seed: route.index for seed, route in record.routes.items()}
    return Found(
        truth.dataset,
        variant,
        str(path),
        truth.losses(picks),
        dict(sorted(picks.items())),
        _good_mass(truth, record.seeds.values()),
        _spent(record.seeds.values()),
        record.code or "",
        record.strategy in CONTROLS,
    )


def _spent(found: Iterable[FoundRoute]) -> tuple[int, int] | None:
    """Return the weight steps and scored routes of a search, means over seeds; None: unrecorded."""
    counts = [(entry.weight_steps, entry.route_evaluations) for entry in found]
    taken = [(steps, tried) for steps, tried in counts if steps is not None and tried is not None]
    if len(taken) < len(counts):
        return None
    steps, tried = np.mean(taken, axis=0)
    return round(steps), round(tried)


def _good_mass(truth: Truth, found: Iterable[FoundRoute]) -> float | None:
    """Return the probability of a good route at the end, mean over seeds; None if not recorded."""
    masses = []
    for entry in found:
        p = np.ones(1)
        for block in truth.space.blocks:
            local = entry.blocks[block].distribution
            if local is None:
                return None
            p = np.multiply.outer(p, np.asarray(local)).ravel()  # the last block varies fastest
        masses.append(math.fsum(p[truth.good]))  # to the last bit on every processor
    return float(np.mean(masses))


def _trained(truth: Truth, variant: str, folder: Path) -> Found:
    run = read_run(folder)
    valid = run.metrics.query("split == 'valid' and metric == 'mtl_loss'").set_index("seed")
    losses = pd.DataFrame({"test": scores_by_seed(run)["mtl_loss"], "valid": valid["value"]})
    if losses.isna().to_numpy().any():
        raise RecordError(
            f"{folder}/metrics.csv: seeds without a loss on validation or test; delete it and run "
            f"`{remake(folder / 'metrics.csv')}`"
        )
    return Found(truth.dataset, variant, str(folder), losses, code=run.record.code or "")
