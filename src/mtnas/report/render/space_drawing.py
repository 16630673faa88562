"""Draw a search space into axes: one block, all blocks, a combination of values."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from mtnas.report.render.route_drawing import (
    BOX_HEIGHT,
    BOX_WIDTH,
    QUERY_DASHES,
    Geometry,
    draw_input,
    draw_line,
    draw_nodes,
    frame,
)
from mtnas.report.render.style import PALE, SHARED, task_colour
from mtnas.routes.space import SearchSpace


@dataclass(frozen=True)
class BlockDrawing:
    """The artists of a drawn block or network, by name."""

    nodes: dict[str, FancyBboxPatch]
    edges: dict[tuple[str, str], Line2D] = field(default_factory=dict)
    queries: dict[str, FancyBboxPatch] = field(default_factory=dict)


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
