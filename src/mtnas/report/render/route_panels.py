"""The routes that searches found, side by side. Lengths are in inches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import floor

from matplotlib.figure import Figure

from mtnas.evidence.statistics import summarize
from mtnas.report.agreement import agreement, told_by_seeds
from mtnas.report.decided import decision
from mtnas.report.names import counted
from mtnas.report.render.route_drawing import (
    draw_route,
    legend_of,
    name_size,
    panel_units,
    tasks_named,
)
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    axes_at,
    new_figure,
    styled,
    write_at,
    write_title,
)
from mtnas.report.searched import Drawn
from mtnas.routes.named import mean_edges

TITLE, LINE = 0.26, 0.145  # of a search, and every line below it
LABEL = 0.17  # above a route
GAP = 0.12  # between routes, and below them
LEGEND = 0.3
SCALE, LARGEST = 0.39, 0.45  # inches per unit of a drawing: as wanted, and at most
Summary = Callable[[Drawn], str]


@dataclass(frozen=True)
class _Part:
    """What is drawn of one search: lines of text, then so many routes side by side."""

    searched: Drawn
    lines: tuple[str, ...]
    columns: int
    scale: float

    @classmethod
    def of(cls, searched: Drawn, summary: Summary) -> "_Part":
        width, room = panel_units(searched.space)[0], PAGE_WIDTH - 2 * MARGIN
        fitting = max(1, floor((room + GAP) / (width * SCALE + GAP)))
        columns = min(fitting, len(searched.routes))
        scale = min(LARGEST, ((room + GAP) / fitting - GAP) / width)
        first = "the first" if columns == 1 else f"the first {columns}"
        shown = f" Shown: {first} of {len(searched.routes)} seeds."
        told = summary(searched) + shown * (columns < len(searched.routes))
        lines = (decision(searched.all_blocks), told, agreement(searched))
        named = tasks_named(searched.space, searched.tasks)
        return cls(searched, (*filter(None, lines), *named), columns, scale)

    @property
    def height(self) -> float:
        """Return how much height it takes."""
        routes = LABEL + panel_units(self.searched.space)[1] * self.scale
        return TITLE + LINE * len(self.lines) + routes + GAP


def routes_figure(found: Sequence[Drawn], summary: Summary | None = None) -> Figure:
    """Draw searches one under the other: a row of routes each, of as many seeds as can be read.

    `summary` says what is special about the routes of a search.
    """
    parts = [_Part.of(searched, summary or edges_in_use) for searched in found]
    notes = told_by_seeds(found)
    foot = LEGEND + LINE * len(notes) + GAP * bool(notes)
    with styled():
        top = total = sum(part.height for part in parts) + foot
        figure = new_figure(PAGE_WIDTH, total)
        for part in parts:
            _draw_part(figure, part, top)
            top -= part.height
        for i, note in enumerate(notes):
            weight = "bold" if note.startswith("So ") else "normal"
            write_at(figure, MARGIN, foot - LINE * i, note, 7.5, fontweight=weight)
        most = max(searched.space.num_tasks for searched in found)
        figure.legend(**legend_of(most), loc="lower center", ncols=5, columnspacing=1.0)
    return figure


def _draw_part(figure: Figure, part: _Part, top: float) -> None:
    """Draw the title, the lines and the routes of one search below `top`."""
    searched = part.searched
    write_title(figure, top - 0.06, searched.title, searched.simulated)
    for i, line in enumerate(part.lines):
        write_at(figure, MARGIN, top - TITLE - LINE * i, line, 7.5, color=SHARED)
    top -= TITLE + LINE * len(part.lines)
    width, height = (part.scale * size for size in panel_units(searched.space))
    for i, (seed, route) in enumerate(islice(searched.routes.items(), part.columns)):
        left = MARGIN + i * (width + GAP)
        label = f"seed {seed}: {counted(len(route.edges), 'link')}"
        write_at(figure, left + 0.02, top - 0.02, label, 6.5)
        panel = axes_at(figure, left, top - LABEL - height, width, height)
        draw_route(panel, route, font_size=name_size(part.scale))


def edges_in_use(searched: Drawn) -> str:
    """Say how sparse the routes are against the two ends of the scale."""
    edges = summarize(searched.edges)
    spread = "" if edges.sd is None else f" ± {edges.sd:.1f}"
    return (
        f"{edges.mean:.1f}{spread} links in use over {counted(edges.n, 'seed')}; full sharing has "
        f"{searched.all_edges}, random routes {mean_edges(searched.space):.1f} on average."
    )
