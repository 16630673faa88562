"""Weights of tasks with the same inputs, of which some have noisy labels.

Wu, Zhang, Ré (ICLR 2020), Sec. 2.4: the closed form of Proposition 3 (`transfer.linear`) and the
weights of Algorithm 2 (`transfer.reweighting`), as written (literal: raw inputs and labels) and
with both standardised. Four parts: `ratio` weighs y_1 = X theta against y_2 = X theta + noise;
`additive` adds Gaussian noise to half of the tasks, which are regressions; `relabelled` draws anew
a share of the labels, -1 or 1, of half of the tasks; `base_rates` has binary tasks without any
noise, which differ in their base rates alone.
"""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from mtnas.evidence.simulated_record import Line
from mtnas.experiments.simulated._options import Amounts, Counts, Positive, Rates, Shares
from mtnas.runtime import options as base
from mtnas.runtime import seeds
from mtnas.transfer import linear
from mtnas.transfer.arrays import Floats
from mtnas.transfer.coding import Coding, coded
from mtnas.transfer.generators import redrawn
from mtnas.transfer.reweighting import (
    standardised_inputs,
    standardised_theta,
    task_weights,
    weights_of_theta,
)
from mtnas.transfer.theta import theta_of_dense

TITLE = "Weights of tasks under label noise"
SETTINGS = {
    "part": "ratio, additive, relabelled or base_rates",
    "noise": "additive, ratio: standard deviation of the noise (that of the clean label is 1); "
    "relabelled: share of labels drawn anew",
    "ratio": "weight of the clean task, divided by that of the noisy one",
    "rank": "r of Algorithm 2",
    "coding": "equal (no weights), literal or standardised",
    "base_rate": "expected share of ones of a task",
}
METRICS = {
    "cosine": "|cos| of the best shared direction (Proposition 3, capacity 1) and the true model",
    "noisy_to_clean": "mean weight of the noisy tasks, divided by that of the clean ones",
    "weight": "weight of a task, divided by the mean of all",
}
CODINGS: tuple[Coding, ...] = ("literal", "standardised")


class Options(base.Options):
    """What is drawn and how it is weighed."""

    rows: int = Field(300, ge=2, description="rows")
    dim: int = Field(50, ge=1, description="inputs, fewer than rows")
    tasks: int = Field(6, ge=2, multiple_of=2, description="tasks, half of them noisy")
    ratios: Positive = Field(
        (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0),
        description="weights of the clean task, divided by that of the noisy one",
    )
    additive: Amounts = Field((0.0, 1.0, 3.0), description="standard deviations of additive noise")
    relabelled: Shares = Field((0.0, 0.2, 0.4, 0.8), description="shares of labels drawn anew")
    base_rates: Rates = Field(
        (0.49, 0.26, 0.13), description="expected shares of ones, without noise"
    )
    input_mean: float = Field(0.3, description="mean of the inputs in part base_rates")
    ranks: Counts = Field((1, 2), description="r of Algorithm 2, at most as many as tasks")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.rows <= self.dim:
            raise ValueError(f"rows: {self.rows}; needs more than inputs (dim: {self.dim})")
        if max(self.ranks) > self.tasks:
            raise ValueError(f"ranks: {max(self.ranks)}; at most as many as tasks, {self.tasks}")
        return self


def unit(options: Options, seed: int) -> list[Line]:
    """Return the rows of one seed; the parts share inputs and the true model."""
    rng = seeds.generator(seed, "synthetic")
    x_ND = rng.standard_normal((options.rows, options.dim))
    theta_D = rng.standard_normal(options.dim)
    theta_D /= np.linalg.norm(theta_D)
    clean_N = x_ND @ theta_D
    noise_NK = rng.standard_normal((options.rows, options.tasks // 2))
    parts = {
        "ratio": _ratio(options, x_ND, theta_D, noise_NK[:, 0]),
        "additive": _additive(options, x_ND, theta_D, noise_NK),
        "relabelled": _relabelled(options, x_ND, clean_N, rng),
        "base_rates": _base_rates(options, x_ND, clean_N),
    }
    return [{"part": part, **row} for part, rows in parts.items() for row in rows]


def _ratio(options: Options, x_ND: Floats, theta_D: Floats, noise_N: Floats) -> Iterator[Line]:
    clean_N = x_ND @ theta_D
    for noise in options.additive:
        y_N2 = np.stack([clean_N, clean_N + noise * noise_N], axis=1)
        for ratio in options.ratios:
            cosine = _cosine(x_ND, y_N2, [ratio, 1.0], theta_D)
            yield {"noise": noise, "ratio": ratio, "metric": "cosine", "value": cosine}


def _cosine(x_ND: Floats, y_NK: Floats, weights: Any, theta_D: Floats) -> float:
    b_D = linear.shared_x_optimum(x_ND, y_NK, 1, weights)[:, 0]
    return float(abs(b_D @ theta_D) / (np.linalg.norm(b_D) * np.linalg.norm(theta_D)))


def _additive(options: Options, x_ND: Floats, theta_D: Floats, noise_NK: Floats) -> Iterator[Line]:
    clean_NK = np.repeat((x_ND @ theta_D)[:, None], options.tasks // 2, axis=1)
    for noise in options.additive:
        y_NK = np.hstack([clean_NK, clean_NK + noise * noise_NK])
        equal = _cosine(x_ND, y_NK, None, theta_D)
        yield {"noise": noise, "coding": "equal", "metric": "cosine", "value": equal}
        for place, weight_K in _weighed(options, x_ND, y_NK):
            yield {"noise": noise, **place, **_noisy_to_clean(weight_K)}
            cosine = _cosine(x_ND, y_NK, weight_K, theta_D)
            yield {"noise": noise, **place, "metric": "cosine", "value": cosine}


def _relabelled(
    options: Options, x_ND: Floats, clean_N: Floats, rng: np.random.Generator
) -> Iterator[Line]:
    sign_N, half = np.where(clean_N >= 0, 1.0, -1.0), options.tasks // 2
    for share in options.relabelled:
        noisy = [redrawn(rng, sign_N, share, (-1, 1)) for _ in range(half)]
        y_NK = np.stack([sign_N] * half + noisy, axis=1)
        for place, weight_K in _weighed(options, x_ND, y_NK):
            yield {"noise": share, **place, **_noisy_to_clean(weight_K)}


def _weighed(options: Options, x_ND: Floats, y_NK: Floats) -> Iterator[tuple[Line, Floats]]:
    """Yield the weights of every coding and rank; literal: raw labels, as Algorithm 2 has it."""
    thetas = {
        "literal": theta_of_dense(x_ND, y_NK),
        "standardised": standardised_theta(x_ND, y_NK, ["regression"] * y_NK.shape[1]),
    }
    for coding, theta_DK in thetas.items():
        for rank in options.ranks:
            yield {"coding": coding, "rank": rank}, task_weights(theta_DK, rank)


def _noisy_to_clean(weight_K: Floats) -> Line:
    clean, noisy = np.split(weight_K, 2)
    return {"metric": "noisy_to_clean", "value": float(noisy.mean() / clean.mean())}


def _base_rates(options: Options, x_ND: Floats, clean_N: Floats) -> Iterator[Line]:
    """Weigh tasks that ask whether one clean number is above a limit; only the limits differ."""
    limits = np.quantile(clean_N, 1 - np.array(options.base_rates))
    label_NT = (clean_N[:, None] > limits).astype(np.float64)
    raw_ND = x_ND + options.input_mean
    for coding in CODINGS:
        y = coded(label_NT, coding)
        input_ND = standardised_inputs(raw_ND) if coding == "standardised" else raw_ND
        for rank in (rank for rank in options.ranks if rank <= len(limits)):
            weight_T = weights_of_theta(theta_of_dense(input_ND, y.y_NK), y, rank)
            for rate, weight in zip(options.base_rates, weight_T, strict=True):
                place = {"coding": coding, "rank": rank, "base_rate": rate}
                yield {**place, "metric": "weight", "value": float(weight)}
