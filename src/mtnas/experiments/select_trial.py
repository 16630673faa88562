"""Which trial of a grid search wins, and by how much."""

from collections.abc import Sequence
from math import log

import pandas as pd

from mtnas.evidence.resampling import Resampling
from mtnas.evidence.statistics import paired_difference, summarize
from mtnas.evidence.tuning_record import Gap
from mtnas.runtime.errors import TrainingError
from mtnas.study.grids import Values
from mtnas.study.specs import TuneSpec

CRITERION = "valid_mtl_loss"
TIED = 1e-6  # a smaller difference of the loss may be rounding in float32


def choose(
    lines: pd.DataFrame, trials: Sequence[Values], spec: TuneSpec, resampling: Resampling
) -> Values:
    """Return the winner, the runner-up, and the configured options if they were tried.

    `lines` are those of `trials.csv`. The least mean MTL loss on validation wins; of those that tie
    the one nearest to the options that the spec has without tuning, which by default are the
    paper's. A trial that diverged for one seed cannot win. `resampling` says how the seeds came to
    their validation rows.

    Raises:
        TrainingError: all have diverged.
    """
    kept = lines.reindex(columns=["trial", "seed", CRITERION])  # if all diverged, there is no loss
    losses = kept.pivot(index="trial", columns="seed", values=CRITERION)
    finite = losses.dropna()
    if finite.empty:
        raise TrainingError(
            f"tuning: all {len(trials)} trials diverged; put lower values into "
            "tuning.training.learning_rate"
        )
    means = finite.mean(axis=1)
    tied = [number for number in means.index if means[number] <= means.min() + TIED]
    winner = min(tied, key=lambda number: (*_distance(trials[number - 1], spec), number))

    others = means.drop(winner)
    runner_up = None if others.empty else others.idxmin()
    own = next((n for n in finite.index if not any(_distance(trials[n - 1], spec))), None)
    return {
        "criterion": "MTL loss on validation examples, mean over seeds",
        "trials": len(trials),
        "diverged": sorted({n for n in range(1, len(trials) + 1)} - set(finite.index)),
        "tied": [int(number) for number in tied],
        "winner": _about(winner, trials, finite),
        "runner_up": _beaten(runner_up, winner, trials, finite, resampling),
        "configured": _beaten(own, winner, trials, finite, resampling),
    }


def _about(number: int, trials: Sequence[Values], losses: pd.DataFrame) -> Values:
    """Return the options of a trial and its losses [trials, seeds] in short."""
    summary = summarize(_losses_of(number, losses))
    return {
        "trial": int(number),
        "values": trials[number - 1],
        "mean": summary.mean,
        "sd": summary.sd,
    }


def _beaten(
    number: int | None,
    winner: int,
    trials: Sequence[Values],
    losses: pd.DataFrame,
    resampling: Resampling,
) -> Values | None:
    """Return the same of a trial that did not win, and how much it lost to the winner."""
    if number is None:
        return None
    gap = paired_difference(_losses_of(number, losses), _losses_of(winner, losses), resampling)
    told = {name: getattr(gap, name) for name in Gap.model_fields}
    return {**_about(number, trials, losses), "minus_winner": told}


def _losses_of(number: int, losses: pd.DataFrame) -> "pd.Series[float]":
    return pd.Series(losses.loc[number].to_numpy(), index=losses.columns)


def _distance(values: Values, spec: TuneSpec) -> tuple[int, float]:
    """Return how many options differ from those of the spec, and by how much (log ratios)."""
    pairs = [(value, spec.value_at(name)) for name, value in values.items()]
    differing = [(a, b) for a, b in pairs if a != b]
    return len(differing), sum(_ratio(a, b) for a, b in differing)


def _ratio(a: object, b: object) -> float:
    if isinstance(a, int | float) and isinstance(b, int | float) and a > 0 and b > 0:
        return abs(log(a / b))
    return 0.0
