"""Figure 3 (the searched routes) and the curves of the search. Lengths are in inches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtnas.errors import RecordError
from mtnas.reporting.names import SIMULATED, dataset_name
from mtnas.reporting.route_drawing import draw_route, legend_handles, panel_units
from mtnas.reporting.searched import Searched, read_routes
from mtnas.reporting.style import (
    PAGE_WIDTH,
    SHARED,
    WARNING,
    new_figure,
    save_figure,
    styled,
    task_colour,
)
from mtnas.statistics import summarize

MARGIN = 0.1
HEADER = 0.46  # two lines above the panels of a dataset
LINE = 0.125  # one line of the list of blocks
TITLE = 0.17  # the line above a small panel
LEGEND = 0.52
LIST_WIDTH = 2.15  # one column of the list of blocks
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
    """The sizes of one dataset's part of the figure: scales are inches per unit of a drawing."""

    large: float
    small: float
    per_row: int
    small_rows: int
    panel_height: float
    height: float

    @classmethod
    def of(cls, searched: Searched) -> "_Layout":
        width, height = panel_units(searched.space)
        large = min(0.62, 4.7 / width)
        others = len(searched.routes) - 1
        per_row = max(2, min(6, floor((PAGE_WIDTH - 2 * MARGIN) / (0.27 * width + 0.1))))
        small = min(0.4, ((PAGE_WIDTH - 2 * MARGIN) / per_row - 0.1) / width)
        rows = ceil(others / per_row)
        lines = ceil(len(searched.space.blocks) / _list_columns(width * large)) + 1
        panel = max(height * large, lines * LINE)
        total = HEADER + panel + 0.1 + rows * (TITLE + height * small + 0.1)
        return cls(large, small, per_row, rows, panel, total)


def figure3(routes_files: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Draw what the search found: per dataset the first seed large, the other seeds small."""
    found = _read(routes_files)
    save_figure(routes_figure(found), outputs, _caption(FIGURE3_CAPTION, found))


def search_curves(routes_files: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Draw reward and mean entropy over the steps of the search, with a band over seeds."""
    found = [searched for searched in _read(routes_files) if any(searched.curves.values())]
    if not found:
        raise RecordError(f"none of {[str(p) for p in routes_files]} holds the curve of a search")
    save_figure(curves_figure(found), outputs, _caption(CURVES_CAPTION, found))


def _caption(text: str, found: Sequence[Searched]) -> str:
    """Say first of all, in the file and in the report, which data are simulated."""
    names = [dataset_name(searched.dataset) for searched in found if searched.simulated]
    return f"{SIMULATED}: {', '.join(dict.fromkeys(names))}. {text}" if names else text


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
    """Return the curves of the given searches, one row each: reward and entropy."""
    height = 2.15
    with styled():
        figure = new_figure(PAGE_WIDTH, height * len(found))
        for i, searched in enumerate(found):
            base = height * (len(found) - 1 - i)
            _write_title(figure, searched, base + height - 0.12, 0.12)
            _draw_reward(_axes(figure, 0.78, base + 0.42, 2.6, height - 0.85), searched)
            _draw_entropy(_axes(figure, 4.3, base + 0.42, 2.6, height - 0.85), searched)
    return figure


def _read(routes_files: Sequence[str | Path]) -> list[Searched]:
    if not routes_files:
        raise RecordError("no routes files were given; a figure needs at least one")
    return [read_routes(path) for path in routes_files]


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a place given in inches."""
    w, h = figure.get_size_inches()
    return figure.add_axes((left / w, bottom / h, width / w, height / h))


def _text(figure: Figure, x: float, y: float, text: str, size: float, **style: str) -> None:
    """Write text whose upper left corner is at a place given in inches."""
    w, h = figure.get_size_inches()
    figure.text(x / w, y / h, text, fontsize=size, va="top", **style)  # type: ignore[arg-type]


def _write_title(figure: Figure, searched: Searched, y: float, x: float) -> None:
    """Write the title of a dataset, and on its face that the data are simulated."""
    _text(figure, x, y, searched.title, 9, fontweight="bold")
    if searched.simulated:
        w, h = figure.get_size_inches()
        style = {"fontweight": "bold", "color": WARNING, "va": "top", "ha": "right", "fontsize": 9}
        figure.text((w - x) / w, y / h, SIMULATED, **style)  # type: ignore[arg-type]


def _draw_dataset(
    figure: Figure,
    searched: Searched,
    layout: _Layout,
    top: float,
    summary: Callable[[Searched], str],
) -> None:
    """Draw title, large panel, list of blocks and small panels of one dataset below `top`."""
    _write_title(figure, searched, top - 0.06, MARGIN)
    _text(figure, MARGIN, top - 0.26, summary(searched), 7, color=SHARED)
    width, height = panel_units(searched.space)
    (first, route), *others = searched.routes.items()
    bottom = top - HEADER - layout.panel_height
    lift = (layout.panel_height - height * layout.large) / 2
    size = (width * layout.large, height * layout.large)
    draw_route(_axes(figure, MARGIN, bottom + lift, *size), route, font_size=13.5 * layout.large)
    _list_blocks(figure, searched, first, MARGIN + size[0] + 0.25, bottom + layout.panel_height)
    size = (width * layout.small, height * layout.small)
    pitch = (PAGE_WIDTH - 2 * MARGIN) / layout.per_row
    for i, (seed, route) in enumerate(others):
        row, column = divmod(i, layout.per_row)
        upper = bottom - 0.1 - row * (TITLE + size[1] + 0.1)
        left = MARGIN + column * pitch
        _text(figure, left + 0.02, upper, f"seed {seed}: {_edges(len(route.edges))}", 6.5)
        panel = _axes(figure, left, upper - TITLE - size[1], *size)
        draw_route(panel, route, font_size=max(4.8, 14 * layout.small))


def edges_in_use(searched: Searched) -> str:
    """Say how sparse the routes are against the two ends of the scale."""
    edges = summarize(searched.edges)
    spread = "" if edges.sd is None else f" ± {edges.sd:.1f}"
    seeds = "1 seed" if edges.n == 1 else f"{edges.n} seeds"
    return (
        f"{edges.mean:.1f}{spread} edges in use over {seeds}; full sharing has "
        f"{searched.all_edges}, routes drawn at random {searched.random_edges():.1f} on average"
    )


def _edges(count: int) -> str:
    return "1 edge" if count == 1 else f"{count} edges"


def _list_columns(panel_width: float) -> int:
    """Return how many columns of the list of blocks fit beside the large panel."""
    return max(1, floor((PAGE_WIDTH - 2 * MARGIN - 0.25 - panel_width) / LIST_WIDTH))


def _list_blocks(figure: Figure, searched: Searched, seed: str, x: float, top: float) -> None:
    """List how decided the search was, block by block."""
    blocks = searched.space.blocks
    head = f"seed {seed}: {_edges(len(searched.routes[seed].edges))}. Per block:"
    _text(figure, x, top, head, 6.5, fontweight="bold")
    width = panel_units(searched.space)[0] * _Layout.of(searched).large
    per_column = ceil(len(blocks) / _list_columns(width))
    for i, block in enumerate(blocks):
        column, line = divmod(i, per_column)
        at = (x + column * LIST_WIDTH, top - (line + 1.2) * LINE)
        colour = task_colour(block) if block in searched.space.tasks else SHARED
        _text(figure, *at, block, 6.5, color=colour, fontweight="bold")
        text = block_caption(searched.blocks[seed][block])
        _text(figure, at[0] + 0.3, at[1], text, 6.5, color=SHARED)


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
    axes.plot(steps, mean, color=colour, label=f"mean of {len(common.columns)} seeds")
    axes.legend(loc="lower right" if mean.iloc[-1] >= mean.iloc[0] else "lower left")
