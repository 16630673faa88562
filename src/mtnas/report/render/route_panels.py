"""The routes that searches found, side by side. Lengths are in inches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from textwrap import wrap

from matplotlib.figure import Figure

from mtnas.evidence.statistics import summarize
from mtnas.report.names import counted, numbered
from mtnas.report.render.route_drawing import draw_route, legend_handles, name_size, panel_units
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
from mtnas.report.searched import Drawn, Recorded
from mtnas.routes.named import mean_edges

HEADER = 0.46  # two lines above the panels of a dataset
NAMES, LETTERS = 0.14, 120  # a line more that names the tasks, and how many letters fit into it
LINE = 0.125  # one line of the list of blocks
LIST_WIDTH = 1.9  # one column of the list of blocks
TITLE, LABEL = 0.17, 0.9  # height and width of the line above a small panel
GAP = 0.06  # between small panels
LEGEND = 0.52
LARGE, SMALL, SMALLEST = 0.45, 0.4, 0.2  # inches per unit of a drawing


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
    def of(cls, searched: Drawn) -> "_Layout":
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
        header = HEADER + NAMES * len(task_lines(searched))
        return cls(large, left, small, columns, header - total + 0.1)


def routes_figure(found: Sequence[Drawn], summary: Callable[[Drawn], str] | None = None) -> Figure:
    """Draw searches one under the other, the first seed large; `summary` is the subtitle."""
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


def _draw_dataset(
    figure: Figure,
    searched: Drawn,
    layout: _Layout,
    top: float,
    summary: Callable[[Drawn], str],
) -> None:
    """Draw title, large panel, list of blocks and small panels of one dataset below `top`."""
    write_title(figure, top - 0.06, searched.title, searched.simulated)
    write_at(figure, MARGIN, top - 0.26, summary(searched), color=SHARED)
    for i, line in enumerate(task_lines(searched)):
        write_at(figure, MARGIN, top - 0.26 - NAMES * (i + 1), line, color=SHARED)
    top -= HEADER + NAMES * len(task_lines(searched))
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


def task_lines(searched: Drawn) -> list[str]:
    """Say which task is t0, t1, ... in the drawing, where they have other names."""
    if all(map(numbered, searched.tasks)):
        return []
    named = zip(searched.space.tasks, searched.tasks, strict=True)
    return wrap(", ".join(f"{node}: {name}" for node, name in named), LETTERS)


def edges_in_use(searched: Drawn) -> str:
    """Say how sparse the routes are against the two ends of the scale."""
    edges = summarize(searched.edges)
    spread = "" if edges.sd is None else f" ± {edges.sd:.1f}"
    return (
        f"{edges.mean:.1f}{spread} edges in use over {counted(edges.n, 'seed')}; full sharing has "
        f"{searched.all_edges}, routes drawn at random {mean_edges(searched.space):.1f} on average"
    )


def _list_blocks(figure: Figure, searched: Drawn, seed: str, layout: _Layout, top: float) -> None:
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


def block_caption(block: Recorded) -> str:
    """Return such as `p = .031, entropy 4.1 of 4.9 nats`; only what the search recorded."""
    parts = []
    probability, entropy, uniform = block.probability, block.entropy, block.uniform_entropy
    if probability is not None:
        shown = f"= {probability:.3f}".replace(" 0.", " .") if probability >= 5e-4 else "< .001"
        parts.append(f"p {shown}")
    if entropy is not None:
        known = uniform is not None
        parts.append(f"entropy {entropy:.1f}" + (f" of {uniform:.1f} nats" if known else " nats"))
    return ", ".join(parts) or "not recorded"
