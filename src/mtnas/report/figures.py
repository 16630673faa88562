"""Figure 3 (the searched routes) and the curves of the search. Lengths are in inches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtnas.evidence.statistics import summarize
from mtnas.report.names import caption, counted
from mtnas.report.route_drawing import draw_route, legend_handles, name_size, panel_units
from mtnas.report.searched import Searched, read_routes
from mtnas.report.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    axes_at,
    new_figure,
    save_figure,
    styled,
    task_colour,
    write_at,
    write_title,
)
from mtnas.routes.named import mean_edges
from mtnas.runtime.errors import RecordError

HEADER = 0.46  # two lines above the panels of a dataset
LINE = 0.125  # one line of the list of blocks
LIST_WIDTH = 1.9  # one column of the list of blocks
TITLE, LABEL = 0.17, 0.9  # height and width of the line above a small panel
GAP = 0.06  # between small panels
LEGEND = 0.52
LARGE, SMALL, SMALLEST = 0.45, 0.4, 0.2  # inches per unit of a drawing
FIGURE3_CAPTION = (
    "The sharing routes that the search found, read upwards from the shared root to the tasks. "
    "Large: the first seed, with the probability p of each chosen local route and the entropy of "
    "its block, beside the entropy of a uniform choice: the nearer the two, the less the search "
    "has decided. Small: the other seeds. Edges are counted if they reach a task."
)
CURVES_CAPTION = (
    "The course of the search: reward of the sampled routes (rolling mean) and entropy of the "
    "choice, mean over blocks. Lines are means over seeds, bands one standard deviation; the "
    "dashed line is the entropy of a uniform choice."
)


@dataclass(frozen=True)
class _Layout:
    """The sizes of one dataset's part of the figure: scales are inches per unit of a drawing.

    The first seed is on the left, large, above the list of its blocks; the others beside it.
    """

    large: float
    left: float
    small: float
    columns: int
    height: float

    @classmethod
    def of(cls, searched: Searched) -> "_Layout":
        width, height = panel_units(searched.space)
        large = min(LARGE, 3.3 / width)
        left = max(LIST_WIDTH, width * large)
        lines = ceil(len(searched.space.blocks) / max(1, floor(left / LIST_WIDTH))) + 1.5
        tall = height * large + lines * LINE
        right, others = PAGE_WIDTH - 2 * MARGIN - left - 0.15, len(searched.routes) - 1
        found = []
        for columns in range(1, max(1, min(others, floor(right / LABEL))) + 1):
            small = min(SMALL, (right / columns - GAP) / width)
            rows = ceil(others / columns)
            total = max(tall, rows * (TITLE + height * small + GAP))
            if small >= SMALLEST or columns == 1:
                found.append((-total, small, columns))
        total, small, columns = max(found)  # the lowest, then the largest
        return cls(large, left, small, columns, HEADER - total + 0.1)


def figure3(routes_files: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Draw what the search found: per dataset the first seed large, the other seeds small."""
    found = _read(routes_files)
    save_figure(routes_figure(found), outputs, caption(FIGURE3_CAPTION, _simulated(found)))


def search_curves(routes_files: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Draw reward and mean entropy over the steps of the search, with a band over seeds."""
    found = [searched for searched in _read(routes_files) if any(searched.curves.values())]
    if not found:
        raise RecordError(f"none of {[str(p) for p in routes_files]} holds the curve of a search")
    save_figure(curves_figure(found), outputs, caption(CURVES_CAPTION, _simulated(found)))


def _simulated(found: Sequence[Searched]) -> list[str]:
    return [searched.dataset for searched in found if searched.simulated]


def routes_figure(
    found: Sequence[Searched], summary: Callable[[Searched], str] | None = None
) -> Figure:
    """Return Figure 3 for the given searches, one under the other; `summary` is the subtitle."""
    with styled():
        layouts = [_Layout.of(searched) for searched in found]
        total = sum(layout.height for layout in layouts) + LEGEND + MARGIN
        figure = new_figure(PAGE_WIDTH, total)
        top = total
        for searched, layout in zip(found, layouts, strict=True):
            _draw_dataset(figure, searched, layout, top, summary or edges_in_use)
            top -= layout.height
        tasks = max(searched.space.num_tasks for searched in found)
        figure.legend(handles=legend_handles(tasks), loc="lower center", ncols=4)
    return figure


def curves_figure(found: Sequence[Searched]) -> Figure:
    """Return the curves of the given searches, reward and entropy; two searches a row if many."""
    columns = 1 if len(found) <= 3 else 2
    height, width = (2.15, 2.6) if columns == 1 else (1.75, 0.98)
    pitch, rows = (PAGE_WIDTH - MARGIN) / columns, ceil(len(found) / columns)
    with styled():
        figure = new_figure(PAGE_WIDTH, height * rows)
        for i, searched in enumerate(found):
            row, column = divmod(i, columns)
            left, low = MARGIN + column * pitch, height * (rows - 1 - row)
            seeds = counted(len(searched.curves), "seed")
            title = f"{searched.title}, {seeds}" if columns == 1 else searched.name
            place = left, left + pitch - MARGIN, 9 if columns == 1 else 7.5
            write_title(figure, low + height - 0.1, title, searched.simulated, *place)
            for axis, draw in enumerate((_draw_reward, _draw_entropy)):
                at = left + 0.66 + axis * (width + (0.9 if columns == 1 else 0.78))
                draw(axes_at(figure, at, low + 0.42, width, height - 0.83), searched)
    return figure


def _read(routes_files: Sequence[str | Path]) -> list[Searched]:
    if not routes_files:
        raise RecordError("no routes files were given; a figure needs at least one")
    return [read_routes(path) for path in routes_files]


def _draw_dataset(
    figure: Figure,
    searched: Searched,
    layout: _Layout,
    top: float,
    summary: Callable[[Searched], str],
) -> None:
    """Draw title, large panel, list of blocks and small panels of one dataset below `top`."""
    write_title(figure, top - 0.06, searched.title, searched.simulated)
    write_at(figure, MARGIN, top - 0.26, summary(searched), color=SHARED)
    top -= HEADER
    width, height = panel_units(searched.space)
    (first, route), *others = searched.routes.items()
    size = (width * layout.large, height * layout.large)
    panel = axes_at(figure, MARGIN, top - size[1], *size)
    draw_route(panel, route, font_size=name_size(layout.large))
    _list_blocks(figure, searched, first, layout, top - size[1] - 0.06)
    size = (width * layout.small, height * layout.small)
    pitch = (PAGE_WIDTH - 2 * MARGIN - layout.left - 0.15) / layout.columns
    for i, (seed, route) in enumerate(others):
        row, column = divmod(i, layout.columns)
        upper = top - row * (TITLE + size[1] + GAP)
        left = MARGIN + layout.left + 0.15 + column * pitch
        write_at(
            figure, left + 0.02, upper, f"seed {seed}: {counted(len(route.edges), 'edge')}", 6.5
        )
        panel = axes_at(figure, left, upper - TITLE - size[1], *size)
        draw_route(panel, route, font_size=name_size(layout.small))


def edges_in_use(searched: Searched) -> str:
    """Say how sparse the routes are against the two ends of the scale."""
    edges = summarize(searched.edges)
    spread = "" if edges.sd is None else f" ± {edges.sd:.1f}"
    return (
        f"{edges.mean:.1f}{spread} edges in use over {counted(edges.n, 'seed')}; full sharing has "
        f"{searched.all_edges}, routes drawn at random {mean_edges(searched.space):.1f} on average"
    )


def _list_blocks(
    figure: Figure, searched: Searched, seed: str, layout: _Layout, top: float
) -> None:
    """List how decided the search was, block by block."""
    blocks = searched.space.blocks
    head = f"seed {seed}: {counted(len(searched.routes[seed].edges), 'edge')}. Per block:"
    write_at(figure, MARGIN, top, head, 6.5, fontweight="bold")
    per_column = ceil(len(blocks) / max(1, floor(layout.left / LIST_WIDTH)))
    for i, block in enumerate(blocks):
        column, line = divmod(i, per_column)
        at = (MARGIN + column * LIST_WIDTH, top - (line + 1.2) * LINE)
        colour = task_colour(block) if block in searched.space.tasks else SHARED
        write_at(figure, *at, block, 6.5, color=colour, fontweight="bold")
        text = block_caption(searched.blocks[seed][block])
        write_at(figure, at[0] + 0.25, at[1], text, 6.5, color=SHARED)


def block_caption(block: dict[str, object]) -> str:
    """Return such as `p = .031, entropy 4.1 of 4.9 nats`; only what the search recorded."""
    parts = []
    probability, entropy = block.get("probability"), block.get("entropy")
    uniform = block.get("uniform_entropy")
    if isinstance(probability, int | float):
        shown = f"= {probability:.3f}".replace(" 0.", " .") if probability >= 5e-4 else "< .001"
        parts.append(f"p {shown}")
    if isinstance(entropy, int | float):
        known = isinstance(uniform, int | float)
        parts.append(f"entropy {entropy:.1f}" + (f" of {uniform:.1f} nats" if known else " nats"))
    return ", ".join(parts) or "not recorded"


def _draw_reward(axes: Axes, searched: Searched) -> None:
    reward = searched.curve("reward")
    window = max(1, len(reward) // 20)
    # A point of the curve is already the mean of the steps since the point before.
    steps = window * (int(reward.index[1] - reward.index[0]) if len(reward) > 1 else 1)
    _band(axes, reward.rolling(window, min_periods=1).mean(), task_colour(0))
    axes.set_xlabel("architecture step")
    axes.set_ylabel("reward" if steps == 1 else f"reward, rolling mean\nof {steps} steps")


def _draw_entropy(axes: Axes, searched: Searched) -> None:
    _band(axes, searched.curve("entropy"), task_colour(1))
    uniform = searched.uniform_entropy
    axes.axhline(uniform, color=SHARED, lw=0.9, ls=(0, (4, 2)))
    axes.annotate(
        "uniform choice", (1.0, uniform), (0, 3), xycoords=axes.get_yaxis_transform(),
        textcoords="offset points", ha="right", va="bottom", fontsize=7, color=SHARED,
    )  # fmt: skip
    axes.set_ylim(0, 1.15 * uniform)
    axes.set_xlabel("architecture step")
    axes.set_ylabel("entropy (nats)")


def _band(axes: Axes, curves: pd.DataFrame, colour: str) -> None:
    """Draw the mean over seeds and one standard deviation around it, over the common steps."""
    common = curves.dropna(how="any") if len(curves.columns) > 1 else curves
    common = curves if common.empty else common
    mean, sd = common.mean(axis=1), common.std(axis=1).fillna(0.0)
    steps = np.asarray(common.index, dtype=float)
    axes.fill_between(steps, mean - sd, mean + sd, color=colour, alpha=0.22, lw=0)
    axes.plot(steps, mean, color=colour)
