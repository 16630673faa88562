"""Figure 2: the search space. A block, all blocks together, candidates. Lengths are in inches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch

from mtnas.report.names import counted
from mtnas.report.route_drawing import (
    BOX_HEIGHT,
    BOX_WIDTH,
    QUERY_DASHES,
    Geometry,
    draw_input,
    draw_line,
    draw_nodes,
    draw_route,
    frame,
    legend_handles,
    name_size,
    panel_units,
)
from mtnas.report.style import (
    MARGIN,
    PAGE_WIDTH,
    PALE,
    SHARED,
    axes_at,
    new_figure,
    save_figure,
    styled,
    task_colour,
    write_at,
    write_title,
)
from mtnas.routes.named import random_route
from mtnas.routes.space import SearchSpace

CAPTION = (
    "The search space with L = {0.num_layers} and H = {0.num_subnets} for {0.num_tasks} tasks. "
    "(a) A block, here that of the last task: a local route is some of the values (lines) and one "
    "node that the gate asks (dotted frames); beside it the combinations of values. (b) The "
    "over-parameterized network: all blocks with all their values, queries left out. (c) "
    "Candidates: a local route in every block, drawn at random as in the first step of the search."
)
HEAD = 0.42  # two lines above panels
SCALE = 0.5  # inches per unit of a drawing, at most
GAP = 0.25
LEGEND = 0.5
COLUMNS, MOST = 5, 15  # combinations of values that are drawn
TALLEST, LONGEST = 0.8, 14  # inches of one of them, letters of its name
CANDIDATES = 2


@dataclass(frozen=True)
class BlockDrawing:
    """The artists of a drawn block or network, by name."""

    nodes: dict[str, FancyBboxPatch]
    edges: dict[tuple[str, str], Line2D] = field(default_factory=dict)
    queries: dict[str, FancyBboxPatch] = field(default_factory=dict)


def figure2(space: Mapping[str, Any], outputs: Sequence[str | Path]) -> None:
    """Draw a search space, given as `SearchSpace.to_json` writes it."""
    drawn = SearchSpace(**space)
    save_figure(space_figure(drawn), outputs, CAPTION.format(drawn))


def space_figure(space: SearchSpace) -> Figure:
    """Return Figure 2 for a space."""
    width, height = panel_units(space)
    room = (PAGE_WIDTH - 2 * MARGIN - CANDIDATES * GAP) / (1 + CANDIDATES)
    scale = min(SCALE, room / width)
    size = (scale * width, scale * height)
    row = HEAD + size[1] + GAP
    with styled():
        figure = new_figure(PAGE_WIDTH, 2 * row + LEGEND)
        top = 2 * row + LEGEND - 0.06
        _block_row(figure, top, space, size, scale)
        _network_row(figure, top - row, space, size, scale)
        asked = Patch(fc="white", ec=SHARED, ls=QUERY_DASHES, label="may be asked")
        handles = [*legend_handles(space.num_tasks), asked]
        figure.legend(handles=handles, loc="lower center", ncols=4)
    return figure


def _block_row(
    figure: Figure, top: float, space: SearchSpace, size: tuple[float, float], scale: float
) -> None:
    """Draw (a): the last block in its network, and its combinations of values."""
    block = space.blocks[-1]
    write_title(figure, top, f"(a) One block, that of {block}")
    write_at(figure, MARGIN, top - 0.19, _count(space, block), color=SHARED)
    low = top - HEAD - size[1]
    draw_block(axes_at(figure, MARGIN, low, *size), space, block, font_size=name_size(scale))
    subsets = _subsets(space, block)
    left = MARGIN + size[0] + GAP
    pitch, rows = (PAGE_WIDTH - MARGIN - left) / COLUMNS, -(-len(subsets) // COLUMNS)
    step = min(TALLEST, size[1] / rows)
    for i, values in enumerate(subsets):
        at = (left + i % COLUMNS * pitch, low + size[1] - (i // COLUMNS + 1) * step)
        panel = axes_at(figure, at[0], at[1] + 0.14, pitch - 0.1, step - 0.2)
        draw_choice(panel, space, block, values)
        name = "+".join(values)
        name = name if len(name) <= LONGEST else f"{len(values)} values"
        write_at(figure, at[0] + (pitch - 0.1) / 2, at[1] + 0.13, name, 6, ha="center")


def _network_row(
    figure: Figure, top: float, space: SearchSpace, size: tuple[float, float], scale: float
) -> None:
    """Draw (b) the network of all blocks, and (c) candidates."""
    write_title(figure, top, f"(b) All {len(space.blocks)} blocks")
    write_at(figure, MARGIN, top - 0.19, f"{_large(space.num_routes)} routes", color=SHARED)
    low = top - HEAD - size[1]
    draw_network(axes_at(figure, MARGIN, low, *size), space, font_size=name_size(scale))
    rng, pitch = np.random.default_rng(0), (PAGE_WIDTH - 2 * MARGIN - max(size[0], 1)) / CANDIDATES
    for i in range(CANDIDATES):
        left = MARGIN + (i + 1) * pitch
        route = random_route(space, rng)
        if i == 0:
            write_at(figure, left, top, "(c) Candidates", 9, fontweight="bold")
        edges = counted(len(route.edges), "edge")
        write_at(figure, left, top - 0.19, f"{edges} in use", color=SHARED)
        draw_route(axes_at(figure, left, low, *size), route, font_size=name_size(scale))


def draw_block(
    axes: Axes, space: SearchSpace, block: str, *, font_size: float = 7.0
) -> BlockDrawing:
    """Draw the nodes of a space, all values of one block, and frames around all its queries."""
    geometry, colour = Geometry(space), task_colour(block) if block in space.tasks else SHARED
    queries = [query for query in space.queries(block) if query is not None]
    colours = {**dict.fromkeys([*space.values(block), *queries], SHARED), block: colour}
    drawing = BlockDrawing(draw_nodes(axes, geometry, colours, font_size))
    for value in space.values(block):
        ends = geometry.top_of(value), geometry.bottom(block)
        drawing.edges[value, block] = draw_line(axes, *ends, colour, font_size / 5.5)
    for query in queries:
        (x, y), wide = geometry.at[query], drawing.nodes[query].get_width()
        drawing.queries[query] = FancyBboxPatch(
            (x - wide / 2, y - BOX_HEIGHT / 2), wide, BOX_HEIGHT, zorder=2.8,
            boxstyle="round,pad=0.07,rounding_size=0.14", fill=False, ec=colour, ls=QUERY_DASHES,
            lw=font_size / 7, clip_on=False,
        )  # fmt: skip
        axes.add_patch(drawing.queries[query])
    frame(axes, geometry)
    return drawing


def draw_network(axes: Axes, space: SearchSpace, *, font_size: float = 7.0) -> BlockDrawing:
    """Draw the over-parameterized network: every value of every block."""
    geometry, width = Geometry(space), font_size / 9
    colours = {name: SHARED for name in space.nodes} | {t: task_colour(t) for t in space.tasks}
    drawing = BlockDrawing(draw_nodes(axes, geometry, colours, font_size))
    for name in space.layer(0):
        draw_input(axes, geometry, name, SHARED, width)
    for block in space.blocks:
        for value in space.values(block):
            ends = geometry.top_of(value), geometry.bottom(block)
            drawing.edges[value, block] = draw_line(axes, *ends, colours[block], width)
    frame(axes, geometry)
    return drawing


def draw_choice(axes: Axes, space: SearchSpace, block: str, values: Sequence[str]) -> None:
    """Draw one combination of values, without names: the layer below, and the block above it."""
    names, colour = space.values(block), task_colour(block) if block in space.tasks else SHARED
    for i, name in enumerate(names):
        chosen = name in values
        _box(axes, i + 0.5, 0, "white", SHARED if chosen else PALE, chosen)
        if chosen:
            ends = (i + 0.5, BOX_HEIGHT / 2), (len(names) / 2, 1 - BOX_HEIGHT / 2)
            draw_line(axes, *ends, colour, 1.0)
    _box(axes, len(names) / 2, 1, colour, colour, True)
    axes.set_xlim(0, len(names))
    axes.set_ylim(-BOX_HEIGHT / 2 - 0.05, 1 + BOX_HEIGHT / 2 + 0.05)
    axes.set_aspect("equal", anchor="S")
    axes.set_axis_off()


def _box(axes: Axes, x: float, y: float, face: str, edge: str, used: bool) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2),
            BOX_WIDTH,
            BOX_HEIGHT,
            zorder=3,
            lw=0.8,
            boxstyle="round,pad=0,rounding_size=0.09",
            fc=face,
            ec=edge,
            ls="solid" if used else (0, (3, 2)),
        )  # fmt: skip
    )


def _subsets(space: SearchSpace, block: str) -> list[tuple[str, ...]]:
    """Return the combinations of values, fewest first; of many, some of each size."""
    number = (1 << space.num_subnets) - 1
    found = sorted((space.local_route(block, i).values for i in range(number)), key=len)
    return [found[i] for i in np.linspace(0, number - 1, min(number, MOST)).round().astype(int)]


def _count(space: SearchSpace, block: str) -> str:
    """Say how many local routes a block has."""
    values, queries = (1 << space.num_subnets) - 1, len(space.queries(block))
    shown = f" ({MOST} shown)" if values > MOST else ""
    asked = (
        "without a query" if space.queries(block) == (None,) else f"× {counted(queries, 'query')}"
    )
    return f"{values} combinations of values{shown} {asked} = {values * queries:,} local routes"


def _large(number: int) -> str:
    """Return a count as text, rounded if it is very long."""
    if number < 10**15:
        return f"{number:,}"
    digits, power = f"{number:.1e}".split("e+")
    return f"{digits} · $10^{{{int(power)}}}$"
