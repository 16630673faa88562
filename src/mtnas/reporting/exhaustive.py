"""The figure of a small space: all of its routes in order, and where the searches ended.

Lengths are in inches.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mtnas.errors import RecordError
from mtnas.reporting.judged import Found, Truth, read_judged
from mtnas.reporting.names import SIMULATED, dataset_name, search_name
from mtnas.reporting.style import (
    PAGE_WIDTH,
    PALE,
    SHARED,
    WARNING,
    new_figure,
    save_figure,
    styled,
    task_colour,
)

LEFT, RIGHT = 1.75, 0.15  # beside the axes
TITLE, CURVE, GAP, LINE, BOTTOM = 0.3, 1.9, 0.06, 0.15, 0.42
LEVEL_GAP = 0.16  # between labels of known routes that would touch
CAPTION = (
    "Every route of a small space, ordered by its mean test loss: difference to full sharing, mean "
    "and one standard deviation over seeds (paired: same split, batches and initial weights). "
    "Below: the routes that each search picked; the area of a dot grows with the seeds that picked "
    "it. The oracle trains all routes and takes the one with the lowest validation loss. Shaded: "
    "the good routes, those of the best sharing patterns; a pattern is a route up to the names of "
    "its sub-networks."
)


def exhaustive_figure(
    truth_files: Sequence[str | Path],
    judged: Sequence[Mapping[str, str]],
    outputs: Sequence[str | Path],
) -> None:
    """Draw one space, one panel per dataset; picks of searches that can be looked up."""
    if not truth_files:
        raise RecordError("no ground truth was given; a figure needs at least one")
    truths = [Truth.read(path) for path in truth_files]
    found = [f for f in read_judged(truths, judged) if f.picks is not None]
    save_figure(routes_in_order(truths, found), outputs, CAPTION)


def routes_in_order(truths: Sequence[Truth], found: Sequence[Found]) -> Figure:
    """Return the figure of some ground truths and the searches judged by them."""
    heights = [_height(sum(f.dataset == truth.dataset for f in found) + 1) for truth in truths]
    with styled():
        figure = new_figure(PAGE_WIDTH, sum(heights))
        top = sum(heights)
        for truth, height in zip(truths, heights, strict=True):
            _draw(figure, truth, [f for f in found if f.dataset == truth.dataset], top)
            top -= height
    return figure


def _height(rows: int) -> float:
    return TITLE + CURVE + GAP + LINE * rows + BOTTOM


def _draw(figure: Figure, truth: Truth, found: Sequence[Found], top: float) -> None:
    """Draw title, curve and picks of one dataset below `top`."""
    order = truth.mean_loss.argsort(kind="stable").tolist()
    rank = {route: place + 1 for place, route in enumerate(order)}
    _title(figure, truth, top)
    upper = _axes(figure, top - TITLE - CURVE, CURVE)
    _curve(upper, truth, rank)
    rows: dict[str, dict[int, int]] = {"oracle": truth.oracle}
    rows |= {search_name(f.variant, truth.name): dict(f.picks or {}) for f in found}
    height = LINE * len(rows)
    lower = _axes(figure, top - TITLE - CURVE - GAP - height, height)
    _picks(lower, truth, rank, rows)
    for axes in (upper, lower):
        axes.set_xlim(0.3, len(rank) + 0.7)
        for place in (rank[route] for route in truth.good.nonzero()[0].tolist()):
            axes.axvspan(place - 0.5, place + 0.5, color=PALE, alpha=0.35, lw=0, zorder=0)
    upper.set_xticklabels([])
    lower.set_xlabel("routes, ordered by mean test loss")


def _axes(figure: Figure, bottom: float, height: float) -> Axes:
    """Add axes of the full width at a height given in inches."""
    w, h = figure.get_size_inches()
    return figure.add_axes((LEFT / w, bottom / h, (w - LEFT - RIGHT) / w, height / h))


def _title(figure: Figure, truth: Truth, top: float) -> None:
    w, h = figure.get_size_inches()
    space = truth.space
    title = (
        f"{dataset_name(truth.dataset)}: L = {space.num_layers}, H = {space.num_subnets}, "
        f"{space.num_routes} routes, {len(truth.seeds)} seeds"
    )
    y = (top - 0.08) / h
    figure.text(0.1 / w, y, title, fontsize=9, fontweight="bold", va="top")
    if truth.simulated:
        style = {"fontweight": "bold", "color": WARNING, "va": "top", "ha": "right", "fontsize": 9}
        figure.text((w - 0.1) / w, y, SIMULATED, **style)  # type: ignore[arg-type]


def _curve(axes: Axes, truth: Truth, rank: Mapping[int, int]) -> None:
    """Draw the losses of all routes in order and mark those that need no search."""
    gap_RS = truth.test_RS - truth.test_RS[truth.known["full sharing"]]
    mean_R = gap_RS.mean(1)
    sd_R = gap_RS.std(1, ddof=1) if len(truth.seeds) > 1 else np.zeros_like(mean_R)
    routes = list(rank)
    x, y, spread = np.arange(1, len(routes) + 1), mean_R[routes], sd_R[routes]
    axes.fill_between(x, y - spread, y + spread, color=task_colour(0), alpha=0.2, lw=0)
    axes.plot(x, y, color=task_colour(0), marker=".", ms=3, lw=0.9)
    axes.axhline(0.0, color=SHARED, lw=0.6, ls=(0, (4, 2)))
    axes.set_ylabel("test loss − full sharing (nats)")
    low, high = float((y - spread).min()), float((y + spread).max())
    axes.set_ylim(low - 0.05 * (high - low), high + 0.25 * (high - low))
    _mark_known(axes, truth, rank, mean_R)


def _mark_known(
    axes: Axes, truth: Truth, rank: Mapping[int, int], mean_R: NDArray[np.float64]
) -> None:
    """Mark the known routes; labels stand in a row above, at different heights."""
    for i, (name, route) in enumerate(truth.known.items()):
        x, colour = rank[route], task_colour(i + 1)
        axes.plot(x, mean_R[route], marker="D", ms=5, color=colour, zorder=4)
        right = x > 0.75 * len(rank)
        axes.annotate(
            name, (x, mean_R[route]), xytext=(x, 0.98 - i * LEVEL_GAP / CURVE),
            textcoords=axes.get_xaxis_transform(), color=colour, fontsize=7, va="top",
            ha="right" if right else "left",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 2},
        )  # fmt: skip


def _picks(
    axes: Axes, truth: Truth, rank: Mapping[int, int], rows: Mapping[str, Mapping[int, int]]
) -> None:
    """Draw one line of dots per search; the area of a dot grows with its seeds."""
    for line, (_, picks) in enumerate(rows.items()):
        places, counts = np.unique([rank[route] for route in picks.values()], return_counts=True)
        colour = SHARED if line == 0 else task_colour(0)
        axes.scatter(places, np.full(len(places), line), s=9 * counts, color=colour, lw=0, zorder=3)
    for _, route in truth.known.items():
        axes.axvline(rank[route], color=PALE, lw=0.5, zorder=1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(axis="y", length=0)
