"""Reward and entropy over the steps of the searches."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.config.options import RunKey
from mtnas.report.decided import verdict
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError
from mtnas.report.names import caption, counted, simulated_in
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    axes_at,
    new_figure,
    styled,
    task_colour,
    write_at,
    write_title,
)
from mtnas.report.searched import Searched, course, read_searches
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = (
    "The course of the search: reward of the sampled routes (rolling mean), and how much of the "
    "entropy of a blind choice, in which every local route is as likely as any other, is left on "
    "average over blocks. Lines are means over seeds, bands one standard deviation. Note where the "
    "axis of the entropy begins. A search that keeps 90 % or more has not decided. What is left is "
    "told of the last recorded step, in Figure 3 of the end."
)
NOISE = (
    " Dashed: the same search when every reward goes to another route (pure noise). What is lost "
    "down to that line drifted, only what is lost beyond it was decided."
)
LEAST = 90.0  # percent at which the axis of the entropy begins, at most
LETTERS = 46  # of a title that fits into half a page


class SearchCurves(FigureExhibit[Sequence[Searched]]):
    """How the searches of the main comparison went."""

    place = 40

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the searches that learn, and what the same ones do on pure noise."""
        searches = tuple(plan.main_searches)
        noise = [run for run in plan.searches_of(plan.runs) if is_noise(plan, run)]
        shown = {run[0] for run in searches}
        searches += tuple(r for r in noise if r[0] in shown and r not in searches)
        return {"search_curves": Needs(searches=searches)} if searches else {}

    def read(self, needs: Needs) -> list[Searched]:
        """Read the searches that recorded their course."""
        return with_curves(read_searches(needs.routes_files, needs.names))

    def data(self, content: Sequence[Searched]) -> pd.DataFrame:
        """Return a row per search, seed and recorded step."""
        return course(content)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw reward and mean entropy, with a band over seeds."""
        text = CAPTION + (NOISE if "permuted" in frame else "")
        return curves_figure(frame), caption(text, simulated_in(frame))


def is_noise(plan: Plan, run: RunKey) -> bool:
    """Whether the rewards of a search tell nothing of its routes (D17)."""
    known = plan.variants.get(run[1:])
    return known is not None and bool(known.changes.get("search.permuted"))


def with_curves(found: Sequence[Searched]) -> list[Searched]:
    """Return the searches that recorded their course; `NothingToShowError` if none did."""
    having = [searched for searched in found if any(searched.curves.values())]
    if not having:
        names = [searched.name for searched in found]
        raise NothingToShowError(f"none of {names} holds the curve of a search")
    return having


def curves_figure(frame: pd.DataFrame) -> "Figure":
    """Return the curves of some searches, reward and entropy; two searches a row if many."""
    each = [rows for _, rows in frame.groupby(["dataset", "method", "variant"], sort=False)]
    noise = {_space(rows): rows for rows in each if _permuted(rows)}
    found = [rows for rows in each if not _permuted(rows)] or each
    columns = 1 if len(found) <= 3 else 2
    height, width = (2.15, 2.6) if columns == 1 else (1.75, 0.98)
    pitch, rows = (PAGE_WIDTH - MARGIN) / columns, ceil(len(found) / columns)
    with styled():
        figure = new_figure(PAGE_WIDTH, height * rows)
        for i, search in enumerate(found):
            first = search.iloc[0]
            row, column = divmod(i, columns)
            left, low = MARGIN + column * pitch, height * (rows - 1 - row)
            seeds = counted(search["seed"].nunique(), "seed")
            title = f"{first['title']}, {seeds}" if columns == 1 else first["name"]
            size = 9.0 if columns == 1 else min(7.5, 7.5 * LETTERS / len(title))
            place = left, left + pitch - MARGIN, size
            write_title(figure, low + height - 0.1, title, bool(first["simulated"]), *place)
            places = [left + 0.66 + i * (width + (0.9 if columns == 1 else 0.78)) for i in (0, 1)]
            axes = [axes_at(figure, at, low + 0.42, width, height - 0.83) for at in places]
            _draw_reward(axes[0], search)
            told = _draw_entropy(axes[1], search, noise.get(_space(search)))
            write_at(figure, left, low + height - 0.25, told, color=SHARED)
    return figure


def _permuted(rows: pd.DataFrame) -> bool:
    return "permuted" in rows and bool(rows["permuted"].eq(True).all())


def _space(rows: pd.DataFrame) -> tuple[str, float]:
    """Return what searches have in common that can be compared: dataset, and entropy at first."""
    return str(rows["dataset"].iloc[0]), float(rows["uniform_entropy"].iloc[0])


def _left(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what is left of the entropy of a uniform choice, in percent."""
    return 100 * _curve(rows, "entropy") / float(rows["uniform_entropy"].iloc[0])


def _draw_reward(axes: "Axes", rows: pd.DataFrame) -> None:
    reward = _curve(rows, "reward")
    window = max(1, len(reward) // 20)
    # A point of the curve is already the mean of the steps since the point before.
    steps = window * (int(reward.index[1] - reward.index[0]) if len(reward) > 1 else 1)
    _band(axes, reward.rolling(window, min_periods=1).mean(), task_colour(0))
    axes.set_xlabel("architecture step")
    axes.set_ylabel("reward" if steps == 1 else f"reward, mean\nof {steps} steps")


def _curve(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return `reward` or `entropy` with a row per step and a column per seed that recorded it."""
    wide = rows.pivot(index="step", columns="seed", values=name)
    return wide.dropna(axis=1, how="all")


def _draw_entropy(axes: "Axes", rows: pd.DataFrame, noise: pd.DataFrame | None = None) -> str:
    """Draw what is left of the entropy of a uniform choice; return what that means, in words.

    With the search on `noise`, if there is one.
    """
    left = _left(rows)
    _band(axes, left, task_colour(1))
    axes.axhline(100, color=SHARED, lw=0.9, ls=(0, (4, 2)))
    last, lowest = float(left.ffill().iloc[-1].mean()), float(left.min().min())
    told = f"The search {verdict(last / 100)}: {last:.0f}% of the entropy is left"
    if noise is not None and noise is not rows:
        drifted = _left(noise).mean(axis=1)[: left.index[-1]]
        axes.plot(drifted.index, drifted, color="black", lw=0.9, ls=(0, (3, 2)))
        lowest = min(lowest, float(drifted.min()))
        told += f", on pure noise {drifted.iloc[-1]:.0f}%"
    if "converged" in rows and rows["converged"].notna().all():
        ended = rows.groupby("seed")["converged"].first().astype(bool)
        told += f"; converged: {ended.sum()} of {counted(len(ended), 'seed')}"
    low = min(LEAST, lowest - 2)
    axes.annotate(
        "blind choice", (1.0, 100), (0, 2), xycoords=axes.get_yaxis_transform(),
        textcoords="offset points", ha="right", va="bottom", fontsize=7, color=SHARED,
    )  # fmt: skip
    axes.set_ylim(low, 100 + 0.2 * (100 - low))
    axes.set_xlabel("architecture step")
    axes.set_ylabel("entropy left (%)")
    return told


def _band(axes: "Axes", curves: pd.DataFrame, colour: str) -> None:
    """Draw the mean over seeds and one standard deviation around it, over the common steps."""
    common = curves.dropna(how="any") if len(curves.columns) > 1 else curves
    common = curves if common.empty else common
    mean, sd = common.mean(axis=1), common.std(axis=1).fillna(0.0)
    steps = np.asarray(common.index, dtype=float)
    axes.fill_between(steps, mean - sd, mean + sd, color=colour, alpha=0.22, lw=0)
    axes.plot(steps, mean, color=colour)


EXHIBIT = SearchCurves()
