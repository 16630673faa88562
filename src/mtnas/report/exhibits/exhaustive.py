"""The figure of a small space: all of its routes in order, and where the searches ended.

Lengths are in inches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.evidence.resampling import at_share
from mtnas.evidence.statistics import difference_of
from mtnas.report.exhibits.base import FigureExhibit, Needs, of_space
from mtnas.report.judged import Found, Truth, read_judged
from mtnas.report.names import REFERENCE, SIMULATED, Names, caption, simulated_in
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    PALE,
    SHARED,
    WARNING,
    as_text,
    axes_at,
    new_figure,
    styled,
    task_colour,
    write_at,
)
from mtnas.report.searched import space_of
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, GAP, RIGHT = 1.75, 0.5, 0.12  # beside and between the axes
TITLE, CURVE, BETWEEN, LINE, BOTTOM = 0.48, 1.7, 0.06, 0.15, 0.45
LEGEND = 0.36
LEVEL_GAP = 0.14  # between labels of known routes that would touch
COLUMNS = 3  # datasets side by side, at most
CAPTION = (
    "Every route of a small space, ordered by its mean test loss: difference to full sharing, mean "
    "and one standard deviation over seeds (paired: same split, batches and initial weights). "
    "Below: the routes that each search picked, a dot for each (larger: several seeds), and the "
    "mean of their places with its 95 % t interval (corrected where splits overlap); routes taken "
    "blindly stand in the middle on average (dotted). The coloured lines go on from the routes "
    "marked above. The oracle trains all routes and takes the one with the lowest validation loss. "
    "Shaded: the good routes, those of the best sharing patterns; a pattern is a route up to the "
    "names of its sub-networks."
)


@dataclass(frozen=True)
class Space:
    """Every route of a small space by dataset, and the searches that can be looked up in it."""

    truths: Sequence[Truth]
    found: Sequence[Found]
    names: Names = field(default_factory=Names)

    def name(self, found: Found) -> str:
        """Return what readers call a search."""
        return self.names.search(REFERENCE, found.variant)


class Exhaustive(FigureExhibit[Space]):
    """A figure per small space: `exhaustive_{space}`."""

    place = 90

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take all routes of a space on every dataset, and the searches that it judges."""
        return {f"exhaustive_{space}": of_space(plan, space) for space in plan.judged}

    def read(self, needs: Needs) -> Space:
        """Read the routes, and the searches of which each picked one by seed."""
        if not needs.truths:
            raise RecordError("no ground truth was given; a figure needs at least one")
        truths = [Truth.read(path) for path in needs.truth_files]
        found = [f for f in read_judged(truths, needs.judged) if f.picks is not None]
        return Space(truths, found, needs.names)

    def data(self, content: Space) -> pd.DataFrame:
        """Return a row per dataset, route and seed with its losses; then one per pick of a search.

        Rows of picks name the `search`, and have no losses.
        """
        routes = [_routes(truth) for truth in content.truths]
        return pd.concat([*routes, pd.DataFrame(_picked(content))], ignore_index=True)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw one panel per dataset."""
        return routes_in_order(frame), caption(CAPTION, simulated_in(frame))


def _routes(truth: Truth) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [range(len(truth.mean_loss)), truth.seeds], names=["route", "seed"]
    )
    losses = {"valid_loss": truth.valid_RS.ravel(), "test_loss": truth.test_RS.ravel()}
    frame = pd.DataFrame(losses, index=index).reset_index()
    frame["pattern"] = np.repeat(truth.pattern_R, len(truth.seeds))
    frame["good"] = np.repeat(truth.good, len(truth.seeds))
    about = {"dataset": truth.dataset, "title": truth.title, "unit": truth.unit}
    frame = frame.assign(test_share=truth.resampling.test_share, folds=truth.resampling.folds)
    return frame.assign(**about, simulated=truth.simulated, **truth.space.to_json())


def _picked(content: Space) -> list[dict[str, object]]:
    """Return a row per search and seed: which route it picked."""
    simulated = {truth.dataset for truth in content.truths if truth.simulated}
    return [
        {
            **{"dataset": found.dataset, "simulated": found.dataset in simulated},
            **{"search": content.name(found), "seed": seed, "route": route},
        }
        for found in content.found
        for seed, route in (found.picks or {}).items()
    ]


def _truth(rows: pd.DataFrame) -> Truth:
    """Return the ground truth of one dataset again, from the rows of its routes."""
    first, losses = rows.iloc[0], rows.pivot(index="route", columns="seed")
    return Truth(
        name="",
        source="",
        dataset=str(first["dataset"]),
        title=str(first["title"]),
        unit=str(first["unit"]),
        simulated=bool(first["simulated"]),
        code="",
        space=space_of(rows),
        resampling=at_share(float(first["test_share"]), int(first["folds"])),
        seeds=tuple(int(seed) for seed in losses["test_loss"].columns),
        test_RS=losses["test_loss"].to_numpy(float),
        valid_RS=losses["valid_loss"].to_numpy(float),
        pattern_R=losses["pattern"].to_numpy(np.int64)[:, 0],
    )


def routes_in_order(frame: pd.DataFrame) -> "Figure":
    """Return the figure of some ground truths and the searches judged by them.

    Up to three datasets stand side by side, four in two rows; searches are named at the left.
    """
    is_pick = frame["search"].notna() if "search" in frame else pd.Series(False, frame.index)
    truths = [_truth(rows) for _, rows in frame[~is_pick].groupby("dataset", sort=False)]
    found = frame[is_pick]
    names = list(dict.fromkeys(found["search"])) if "search" in found else []
    columns = 2 if len(truths) == 4 else min(COLUMNS, len(truths))
    height = TITLE + CURVE + BETWEEN + LINE * (len(names) + 1) + BOTTOM
    rows = -(-len(truths) // columns)
    width = (PAGE_WIDTH - LEFT - RIGHT - GAP * (columns - 1)) / columns
    with styled():
        figure = new_figure(PAGE_WIDTH, height * rows + LEGEND)
        for i, truth in enumerate(truths):
            row, column = divmod(i, columns)
            place = (LEFT + column * (width + GAP), height * (rows - row) + LEGEND, width)
            picks: dict[str, dict[int, int]] = {"oracle": truth.oracle, **{n: {} for n in names}}
            for pick in found[found["dataset"] == truth.dataset].to_dict("records"):
                picks[pick["search"]][int(pick["seed"])] = int(pick["route"])
            upper, lower = _draw(figure, truth, picks, place)
            if column:
                upper.set_ylabel("")
                lower.set_yticklabels([])
        _legend(figure)
    return figure


def _legend(figure: "Figure") -> None:
    """Explain the signs that are not named where they stand."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    blue = task_colour(0)
    entries = {
        "good routes": Patch(fc=PALE, alpha=0.35),
        "± one standard deviation": Patch(fc=blue, alpha=0.2),
        "one seed's pick": Line2D([], [], color=blue, marker="o", ms=3, ls="none"),
        "mean place, 95% interval": Line2D([], [], color="black", marker="|", ms=6, lw=0.9),
        "blind choice": Line2D([], [], color=SHARED, lw=0.9, ls=":"),
    }
    style = {"handlelength": 1.5, "columnspacing": 1.1}
    figure.legend(list(entries.values()), list(entries), loc="lower center", ncols=5, **style)


def _draw(
    figure: "Figure",
    truth: Truth,
    rows: Mapping[str, Mapping[int, int]],
    place: tuple[float, float, float],
) -> tuple["Axes", "Axes"]:
    """Draw title, curve and picks (`rows`) of one dataset at a place: left, top, width."""
    left, top, width = place
    order = truth.mean_loss.argsort(kind="stable").tolist()
    rank = {route: place + 1 for place, route in enumerate(order)}
    _title(figure, truth, left, top)
    upper = axes_at(figure, left, top - TITLE - CURVE, width, CURVE)
    _curve(upper, truth, rank)
    low = top - TITLE - CURVE - BETWEEN - LINE * len(rows)
    lower = axes_at(figure, left, low, width, LINE * len(rows))
    _picks(lower, truth, rank, rows)
    for axes in (upper, lower):
        axes.set_xlim(0.3, len(rank) + 0.7)
        for at in (rank[route] for route in truth.good.nonzero()[0].tolist()):
            axes.axvspan(at - 0.5, at + 0.5, color=PALE, alpha=0.35, lw=0, zorder=0)
    upper.set_xticklabels([])
    lower.set_xlabel("routes, ordered by mean test loss", fontsize=7)
    return upper, lower


def _title(figure: "Figure", truth: Truth, left: float, top: float) -> None:
    space = truth.space
    colour = WARNING if truth.simulated else "black"
    write_at(figure, left - 0.35, top - 0.08, truth.title, 8, fontweight="bold", color=colour)
    size = f"L = {space.num_layers}, H = {space.num_subnets}: {space.num_routes} routes"
    size += f", {len(truth.seeds)} seeds"
    write_at(figure, left - 0.35, top - 0.25, size, color=SHARED)
    if truth.simulated:  # in the margin of the names of searches
        write_at(figure, MARGIN, top - 0.08, SIMULATED, 8, fontweight="bold", color=WARNING)


def _curve(axes: "Axes", truth: Truth, rank: Mapping[int, int]) -> None:
    """Draw the losses of all routes in order and mark those that need no search."""
    gap_RS = truth.test_RS - truth.test_RS[truth.known["full sharing"]]
    mean_R = gap_RS.mean(1)
    sd_R = gap_RS.std(1, ddof=1) if len(truth.seeds) > 1 else np.zeros_like(mean_R)
    routes = list(rank)
    x, y, spread = np.arange(1, len(routes) + 1), mean_R[routes], sd_R[routes]
    axes.fill_between(x, y - spread, y + spread, color=task_colour(0), alpha=0.2, lw=0)
    axes.plot(x, y, color=task_colour(0), marker=".", ms=3, lw=0.9)
    axes.axhline(0.0, color=SHARED, lw=0.6, ls=(0, (4, 2)))
    axes.set_ylabel(f"test loss − full sharing\n({truth.unit})")
    low, high = float((y - spread).min()), float((y + spread).max())
    axes.set_ylim(low - 0.05 * (high - low), high + 0.34 * (high - low))
    _mark_known(axes, truth, rank, mean_R)


def _mark_known(
    axes: "Axes", truth: Truth, rank: Mapping[int, int], mean_R: NDArray[np.float64]
) -> None:
    """Mark the known routes; labels stand above at different heights, and cover lines to others."""
    from matplotlib.offsetbox import AnnotationBbox, TextArea

    for i, (name, route) in enumerate(truth.known.items()):
        x, colour = rank[route], task_colour(i + 1)
        axes.plot(x, mean_R[route], marker="D", ms=5, color=colour, zorder=4, clip_on=False)
        before = (x - 0.5) / len(rank)  # of the label, so that it stays within narrow axes
        line = {"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 2}
        label = AnnotationBbox(
            TextArea(name.split(" (")[0], textprops={"color": as_text(colour), "fontsize": 7}),
            (x, mean_R[route]),
            xybox=(x, 0.99 - i * LEVEL_GAP / CURVE),
            boxcoords=("data", "axes fraction"),
            box_alignment=(before, 1),
            pad=0.05,
            arrowprops={**line, "relpos": (before, 0)},
            bboxprops={"fc": "white", "ec": "none"},
            zorder=5 + i,
        )
        axes.add_artist(label)


def _picks(
    axes: "Axes", truth: Truth, rank: Mapping[int, int], rows: Mapping[str, Mapping[int, int]]
) -> None:
    """Draw one line of dots per search, larger for more seeds, and the interval of their mean."""
    axes.axvline((len(rank) + 1) / 2, color=SHARED, lw=0.9, ls=":", zorder=1)
    for line, (_, picks) in enumerate(rows.items()):
        ranks = [rank[route] for route in picks.values()]
        if not ranks:
            continue
        places, counts = np.unique(ranks, return_counts=True)
        colour = SHARED if line == 0 else task_colour(0)
        lines = np.full(len(places), line)
        axes.scatter(
            *(places, lines, 9 * counts), color=colour, lw=0, alpha=0.55, clip_on=False, zorder=3
        )
        mean = difference_of(ranks, truth.resampling)
        if mean.low is not None and mean.high is not None:
            ends = np.clip([mean.low, mean.high], 1, len(rank))
            axes.plot(ends, [line, line], color="black", lw=0.9, zorder=2)
        axes.plot(mean.mean, line, color="black", marker="|", ms=6, zorder=4)
    for i, route in enumerate(truth.known.values()):
        axes.axvline(rank[route], color=task_colour(i + 1), lw=0.6, zorder=1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(axis="y", length=0)


EXHIBIT = Exhaustive()
