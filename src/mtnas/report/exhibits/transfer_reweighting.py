"""What weights of tasks gain over equal ones, over the share of noisy labels of one task."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.config.options import SubsetKey
from mtnas.evidence.transfer_studies.reweighting import ALL, OTHERS, weight_gains
from mtnas.evidence.transfer_studies.runs import over_seeds
from mtnas.report.exhibits._simulated import letter, zero_line
from mtnas.report.exhibits._subsets import (
    PLACE,
    check_some,
    chosen,
    first_of,
    foot,
    panel_rows,
    read_runs,
)
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import caption, dataset_name, simulated_in
from mtnas.report.render.style import TASK_COLOURS, styled
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import metric_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "transfer_reweighting"
CAPTION = (
    "Weights of tasks under label noise (Algorithm 2 of Wu, Zhang, Ré): what they gain over equal "
    "weights with the same noise in one task's training labels, on the mean of all tasks (left) "
    "and of all but the noisy one (right), where leaving that task out (oracle) is shown, too; "
    "means over seeds with 95 % t intervals (corrected where splits overlap), more is better."
)
TITLES = {
    "svd": "SVD, standardised",
    "svd_literal": "SVD, as printed",
    "uncertainty": "uncertainty (learned)",
    "random": "random (drawn for every batch)",
    "oracle": "oracle: without the noisy task",
}
BY = ["dataset", "simulated", "name", "method", "noisy", "metric", "judged", "weighting", "share"]
VARIED = ("training.weighting", "training.weighting_rank", "training.label_noise")


def weights_of(plan: Plan) -> tuple[SubsetKey, ...]:
    """Return the runs that differ in weights of tasks and label noise."""
    return chosen(plan, *VARIED)


class Reweighting(FigureExhibit[pd.DataFrame]):
    """Two panels per dataset and noisy task."""

    place = PLACE + 3

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in weights of tasks and label noise."""
        keys = weights_of(plan)
        return {NAME: Needs(subsets=keys)} if keys else {}

    def read(self, needs: Needs) -> pd.DataFrame:
        """Read what weights gain."""
        gains = weight_gains(read_runs(needs))
        check_some(gains, NAME)
        return gains

    def data(self, content: pd.DataFrame) -> pd.DataFrame:
        """Return a row per dataset, noisy task, weights, share of noise and what is judged."""
        return over_seeds(content, BY, "gain")

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the gains of all weights over the share of noise."""
        groups = [
            (rows[rows["judged"] == judged], judged, rows)
            for _, rows in frame.groupby(BY[:5], sort=False)
            for judged in (ALL, OTHERS)
            if (rows["judged"] == judged).any()
        ]
        with styled():
            figure, axes = panel_rows(len(groups), 2.3, top=0.4)
            shifts = _shifts(frame)
            for panel, (rows, judged, of) in zip(axes, groups, strict=True):
                _gains(panel, rows, shifts)
                name = dataset_name(first_of(of, "dataset"), bool(first_of(of, "simulated")))
                noisy = f", noise in {first_of(of, 'noisy')}" * bool(first_of(of, "noisy"))
                letter(panel, f"{name}{noisy}:\n{judged}")
                panel.set_ylabel(f"gain ({metric_of(first_of(of, 'metric')).title})")
                panel.set_xlabel("share of noisy labels")
            foot(figure, axes)
        return figure, caption(CAPTION, simulated_in(frame))


def _shifts(frame: pd.DataFrame) -> dict[str, tuple[float, str, str]]:
    """Return by weights how far its points are moved aside, its colour and its marker."""
    known = [*(name for name in TITLES if name in set(frame["weighting"])), *frame["weighting"]]
    named = list(dict.fromkeys(known))
    return {
        name: ((i - (len(named) - 1) / 2) * 0.012, TASK_COLOURS[i % 6], "os^Dv"[i % 5])
        for i, name in enumerate(named)
    }


def _gains(panel: "Axes", rows: pd.DataFrame, shifts: dict[str, tuple[float, str, str]]) -> None:
    zero_line(panel)
    for name, (shift, colour, marker) in shifts.items():
        of = rows[rows["weighting"] == name].sort_values("share")
        if of.empty:
            continue
        around = np.array([of["mean"] - of["low"], of["high"] - of["mean"]])
        panel.errorbar(
            *(of["share"] + shift, of["mean"], around),
            color=colour, marker=marker, ms=3, lw=1.0, label=TITLES.get(name, name),
        )  # fmt: skip


EXHIBIT = Reweighting()
