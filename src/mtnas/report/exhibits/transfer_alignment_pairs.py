"""What every pair of tasks gains by alignment, and by as many parameters elsewhere."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.evidence.transfer_studies.alignment import NONE, pair_gains
from mtnas.evidence.transfer_studies.runs import over_seeds
from mtnas.report.exhibits._simulated import letter, zero_line
from mtnas.report.exhibits._subsets import (
    CAPACITY,
    PLACE,
    check_some,
    chosen,
    foot,
    panel_rows,
    read_runs,
)
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.exhibits.transfer_alignment import group_title, groups_of
from mtnas.report.names import caption, simulated_in
from mtnas.report.render.style import TASK_COLOURS, styled
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "transfer_alignment_pairs"
CAPTION = (
    "Alignment (Algorithm 1 of Wu, Zhang, Ré): what each pair of tasks gains over the same model "
    "without it, a mean over both tasks and over seeds with its 95 % t interval (corrected where "
    "splits overlap); controls "
    "have as many parameters elsewhere (of joint), or heads trained as long (of frozen)."
)
STYLES = {
    "joint": (TASK_COLOURS[0], "o", "alignment, joint"),
    "frozen": (TASK_COLOURS[2], "^", "alignment, frozen shared part"),
    "control": ("#8A8A8A", "s", "control of joint: as many parameters"),
    "frozen_control": ("#BDBDBD", "D", "control of frozen: as many steps"),
}
BY = ["panel", "dataset", "simulated", "pair", "alignment"]


class AlignmentPairs(FigureExhibit[list[tuple[str, pd.DataFrame]]]):
    """A panel per dataset and capacity."""

    place = PLACE + 2

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in alignment, capacity or leaks."""
        keys = chosen(plan, "training.alignment", *CAPACITY)
        return {NAME: Needs(subsets=keys)} if keys else {}

    def read(self, needs: Needs) -> list[tuple[str, pd.DataFrame]]:
        """Read what pairs gain, with what their panels are called."""
        gains = pair_gains(read_runs(needs))
        check_some(gains, NAME)
        return [(group_title(needs, rows), rows) for rows in groups_of(gains)]

    def data(self, content: list[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
        """Return a row per panel, pair and alignment, over the model without alignment."""
        frames = [rows[rows["over"] == NONE].assign(panel=title) for title, rows in content]
        return over_seeds(pd.concat(frames), BY, "gain")

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the gains of all pairs side by side."""
        groups = list(frame.groupby("panel", sort=False))
        with styled():
            figure, axes = panel_rows(len(groups), 2.5, columns=1)
            for panel, (title, rows) in zip(axes, groups, strict=True):
                _gains(panel, rows)
                letter(panel, str(title))
            foot(figure, axes)
        return figure, caption(CAPTION, simulated_in(frame))


def _gains(panel: "Axes", rows: pd.DataFrame) -> None:
    pairs = list(dict.fromkeys(rows["pair"]))
    known = [name for name in STYLES if name in set(rows["alignment"])]
    zero_line(panel)
    for number, name in enumerate(known):
        colour, marker, label = STYLES[name]
        of = rows[rows["alignment"] == name].set_index("pair").reindex(pairs)
        x = np.arange(len(pairs)) + (number - (len(known) - 1) / 2) * 0.18
        around = [of["mean"] - of["low"], of["high"] - of["mean"]]
        panel.errorbar(
            *(x, of["mean"], around),
            color=colour, marker=marker, ms=3.5, lw=1.0, ls="none", label=label,
        )  # fmt: skip
    names = [pair.replace("+", "\n") for pair in pairs]
    panel.set_xticks(range(len(pairs)), names, fontsize=6)
    panel.set_ylabel("gain of the pair")


EXHIBIT = AlignmentPairs()
