"""Figure 2: the search space: a block, all blocks together, candidates.

Lengths are in inches.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import REFERENCE, counted
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
from mtnas.report.searched import space_of
from mtnas.routes.named import random_route
from mtnas.routes.space import SearchSpace
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


class Figure2(FigureExhibit[SearchSpace]):
    """The space that MTNAS searches on one dataset."""

    place = 20

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the space of the dataset that is shown, if MTNAS runs at all."""
        space = plan.datasets[plan.shown].space if plan.shown else None
        searched = any(method == REFERENCE for _, method, _ in plan.runs)
        return {"figure2": Needs(facts=space)} if space and searched else {}

    def read(self, needs: Needs) -> SearchSpace:
        """Return the space."""
        return SearchSpace(**needs.facts)

    def data(self, content: SearchSpace) -> pd.DataFrame:
        """Return a row per block: its values, its queries, and how many local routes it has."""
        return pd.DataFrame(
            [
                {
                    **content.to_json(),
                    "block": block,
                    "values": "+".join(content.values(block)),
                    "queries": "+".join(query or "" for query in content.queries(block)),
                    "local_routes": content.num_local_routes(block),
                }
                for block in content.blocks
            ]
        )

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the space."""
        space = space_of(frame)
        return space_figure(space), CAPTION.format(space)


def space_figure(space: SearchSpace) -> "Figure":
    """Return Figure 2 for a space."""
    from matplotlib.patches import Patch

    from mtnas.report.render.route_drawing import QUERY_DASHES, legend_of, panel_units

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
        legend = legend_of(space.num_tasks)
        legend["handles"].append(Patch(fc="white", ec=SHARED, ls=QUERY_DASHES))
        legend["labels"].append("may be asked")
        figure.legend(**legend, loc="lower center", ncols=3)
    return figure


def _block_row(
    figure: "Figure", top: float, space: SearchSpace, size: tuple[float, float], scale: float
) -> None:
    """Draw (a): the last block in its network, and its combinations of values."""
    from mtnas.report.render.route_drawing import name_size
    from mtnas.report.render.space_drawing import draw_block, draw_choice

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
    figure: "Figure", top: float, space: SearchSpace, size: tuple[float, float], scale: float
) -> None:
    """Draw (b) the network of all blocks, and (c) candidates."""
    from mtnas.report.render.route_drawing import draw_route, name_size
    from mtnas.report.render.space_drawing import draw_network

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
        edges = counted(len(route.edges), "link")
        write_at(figure, left, top - 0.19, f"{edges} in use", color=SHARED)
        draw_route(axes_at(figure, left, low, *size), route, font_size=name_size(scale))


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


EXHIBIT = Figure2()
