"""Draw any sharing route into axes: root at the bottom, tasks on top, one colour per task.

Coordinates are in node widths: columns and rows are one unit apart. Everything that is drawn is
returned by name, so a test can count it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TypedDict

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend_handler import HandlerBase, HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Patch, PathPatch, Polygon
from matplotlib.path import Path

from mtnas.report.names import task_name
from mtnas.report.render.style import FAINT, PALE, SHARED, ink_on, task_colour
from mtnas.routes.route import Route
from mtnas.routes.space import ROOT, SearchSpace

BOX_WIDTH, BOX_HEIGHT = 0.62, 0.36
GATE_RADIUS = 0.075
HEAD_LENGTH = 0.13
LANE = 0.075  # distance between two query arrows in one gap
QUERY_DASHES = (0, (1.0, 1.3))
LETTERS = 120  # of names of tasks that fit into a line
Point = tuple[float, float]


@dataclass(frozen=True)
class RouteDrawing:
    """The artists of one drawn route; `inputs` go from the root to first-layer sub-networks."""

    nodes: dict[str, FancyBboxPatch] = field(default_factory=dict)
    inputs: dict[str, Line2D] = field(default_factory=dict)
    edges: dict[tuple[str, str], Line2D] = field(default_factory=dict)
    gates: dict[str, Circle] = field(default_factory=dict)
    queries: dict[str, PathPatch] = field(default_factory=dict)


class Geometry:
    """Where the nodes of a space are, and where a line may pass between them."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.width = float(max(space.num_subnets, space.num_tasks))
        self.top = space.num_layers + 1
        self.spacing = self.width / space.num_subnets
        self.at: dict[str, Point] = {ROOT: (self.width / 2, 0.0)}
        for layer in range(space.num_layers):
            self._place(space.layer(layer), layer + 1.0)
        self._place(space.tasks, float(self.top))
        self._lanes: Counter[tuple[int, int]] = Counter()

    def _place(self, names: tuple[str, ...], y: float) -> None:
        for i, name in enumerate(names):
            self.at[name] = (self.width * (i + 0.5) / len(names), y)

    def top_of(self, name: str) -> Point:
        """Return where lines leave a node."""
        x, y = self.at[name]
        return x, y + BOX_HEIGHT / 2

    def bottom(self, name: str) -> Point:
        """Return where lines reach a node without a gate."""
        x, y = self.at[name]
        return x, y - BOX_HEIGHT / 2

    def gate(self, block: str) -> Point:
        """Return where the values of a block meet: just below its node, clear of the name."""
        x, y = self.at[block]
        return x, y - BOX_HEIGHT / 2 - 0.8 * GATE_RADIUS

    def gap(self, row: int, x: float) -> float:
        """Return the free x nearest to `x` in a row of sub-networks, in a lane of its own."""
        index = round(x / self.spacing)
        lane = self._lanes[row, index]
        self._lanes[row, index] += 1
        # The outermost gaps are half as wide as the others: their lanes run on one side only.
        if index in (0, self.space.num_subnets):
            inwards = 0.04 + LANE * 0.7 * (lane % 3)
            return index * self.spacing + (inwards if index == 0 else -inwards)
        lane %= 5  # no more fit side by side between two nodes
        return index * self.spacing + LANE * ((lane + 1) // 2) * (-1 if lane % 2 else 1)


def draw_route(axes: Axes, route: Route, *, font_size: float = 7.0) -> RouteDrawing:
    """Draw `route`; text in points, lines in proportion. Sets limits, aspect and no frame."""
    geometry, colours, width = Geometry(route.space), _colours(route), font_size / 5.5
    drawing = RouteDrawing(draw_nodes(axes, geometry, colours, font_size))
    for name in route.space.layer(0):
        if name in colours:
            drawing.inputs[name] = draw_input(axes, geometry, name, colours[name], width)
    for value, block in route.edges:
        end = geometry.gate(block) if route[block].has_gate else geometry.bottom(block)
        start = geometry.top_of(value)
        drawing.edges[value, block] = draw_line(axes, start, end, colours[block], width)
    for block, local in route:
        if block in colours and local.has_gate and local.query is not None:
            _draw_gate(axes, geometry, block, local.query, colours[block], width, drawing)
    frame(axes, geometry)
    return drawing


class Legend(TypedDict):
    """What a legend takes."""

    handles: list[Artist | tuple[Artist, ...]]
    labels: list[str]
    handler_map: dict[type[tuple[Artist, ...]], HandlerBase]


def legend_of(num_tasks: int, *, unused: bool = True) -> Legend:
    """Return what a legend takes to explain every sign of a drawing, `unused` sub-networks if
    there are: as many entries for any number of tasks.
    """
    own = tuple(Line2D([], [], color=task_colour(t), lw=2) for t in range(min(num_tasks, 4)))
    gate = Line2D([], [], marker="o", mfc="white", mec=SHARED, ms=5, lw=0)
    entries: dict[str, Artist | tuple[Artist, ...]] = {"serves the task of this colour": own}
    if num_tasks > 1:
        entries["serves two or more tasks"] = Line2D([], [], color=SHARED, lw=2)
    entries["gate: weighs its inputs"] = gate
    entries["query: what it looks at"] = Line2D([], [], color=SHARED, lw=1, ls=QUERY_DASHES)
    if unused:
        entries["not used"] = Patch(fc="white", ec=PALE, ls=(0, (3, 2)))
    return Legend(
        handles=[*entries.values()],
        labels=[*entries],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
    )


def tasks_named(space: SearchSpace, names: Sequence[str]) -> list[str]:
    """Say, in lines, which task is t0, t1, ... in a drawing, where they have other names."""
    if len(names) != space.num_tasks or list(names) in (
        list(space.tasks),
        list(map(task_name, space.tasks)),
    ):
        return []
    named = (f"{node}: {name}" for node, name in zip(space.tasks, names, strict=True))
    return wrap(", ".join(named), LETTERS)


def panel_units(space: SearchSpace) -> Point:
    """Return the width and height of a drawing in units, to give its axes the right shape."""
    return float(max(space.num_subnets, space.num_tasks)) + 0.1, space.num_layers + 1.56


def name_size(scale: float) -> float:
    """Return the size of names, in points, that fit into nodes at `scale` inches per unit."""
    return min(8.0, 22.0 * scale)


def frame(axes: Axes, geometry: Geometry) -> None:
    """Set limits and aspect, and draw no frame."""
    axes.set_xlim(-0.05, geometry.width + 0.05)
    axes.set_ylim(-0.28, geometry.top + 0.28)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _colours(route: Route) -> dict[str, str]:
    """Return the colour of every node that feeds a task, through values or effective queries."""
    used = {task: route.used([task]) for task in route.space.tasks}
    colours = {}
    for name in (*route.space.nodes, *route.space.tasks):
        tasks = [task for task, names in used.items() if name in names]
        if tasks:
            colours[name] = task_colour(tasks[0]) if len(tasks) == 1 else SHARED
    return colours


def draw_nodes(
    axes: Axes, geometry: Geometry, colours: Mapping[str, str], font_size: float
) -> dict[str, FancyBboxPatch]:
    """Draw root, sub-networks and tasks with their names; what has no colour is not used."""
    nodes = {}
    for name, (x, y) in geometry.at.items():
        is_task, is_root = name in geometry.space.tasks, name == ROOT
        width = geometry.width if is_root else BOX_WIDTH
        colour = SHARED if is_root else colours.get(name, PALE)
        used = is_root or name in colours
        nodes[name] = FancyBboxPatch(
            (x - width / 2, y - BOX_HEIGHT / 2),
            width,
            BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.09",
            facecolor=colour if is_task else "#EFEFEF" if is_root else "white",
            edgecolor=colour,
            linewidth=font_size / 7,
            linestyle="solid" if used else (0, (3, 2)),
            zorder=3,
        )
        axes.add_patch(nodes[name])
        ink = ink_on(colour) if is_task else SHARED if used else FAINT
        text = axes.text(x, y - 0.01, name, ha="center", va="center_baseline", zorder=5)
        text.set(color=ink, fontsize=font_size, fontweight="bold" if is_task else "normal")
    return nodes


def draw_input(axes: Axes, geometry: Geometry, name: str, colour: str, width: float) -> Line2D:
    """Draw what a sub-network of the first layer reads: the root."""
    x, y = geometry.bottom(name)
    return draw_line(axes, (x, BOX_HEIGHT / 2), (x, y), colour, width)


def draw_line(axes: Axes, start: Point, end: Point, colour: str, width: float) -> Line2D:
    """Draw a line below the nodes."""
    xs, ys = zip(start, end, strict=True)
    line = Line2D(xs, ys, color=colour, lw=width, zorder=2, solid_capstyle="round")
    axes.add_line(line)
    return line


def _draw_gate(
    axes: Axes,
    geometry: Geometry,
    block: str,
    query: str,
    colour: str,
    width: float,
    drawing: RouteDrawing,
) -> None:
    """Draw the gate of a block and the dotted arrow from the node it asks."""
    circle = Circle(
        geometry.gate(block), GATE_RADIUS, fc="white", ec=colour, lw=0.8 * width, zorder=4
    )
    path = query_path(geometry, query, block)
    line = PathPatch(
        path, fill=False, ec=colour, lw=0.65 * width, ls=QUERY_DASHES, capstyle="butt", zorder=2.5
    )
    for artist in (circle, line, _arrow_head(path, colour)):
        axes.add_patch(artist)
    drawing.gates[block], drawing.queries[block] = circle, line


def _arrow_head(path: Path, colour: str) -> Polygon:
    """Return the head of an arrow along a path: a patch of its own, since dashes would cut it."""
    before, tip = np.asarray(path.vertices, dtype=float)[-2:]
    along = (tip - before) / np.linalg.norm(tip - before)
    across = np.array([-along[1], along[0]])
    back = tip - HEAD_LENGTH * along
    corners = [tip, back + 0.4 * HEAD_LENGTH * across, back - 0.4 * HEAD_LENGTH * across]
    return Polygon(corners, fc=colour, ec="none", zorder=4.5)


def query_path(geometry: Geometry, query: str, block: str) -> Path:
    """Return a smooth path from the query to the gate that passes between the nodes."""
    gate_x, gate_y = geometry.gate(block)
    x, y = geometry.at[query]
    first, last = round(y) + 1, round(geometry.at[block][1])
    source = gate_x if query == ROOT else x
    passes = []
    for row in range(first, last):
        along = (row - y) / (last - y)
        passes.append((row, geometry.gap(row, source + along * (gate_x - source))))
    near = passes[-1][1] if passes else x
    side = -1.0 if near < gate_x - 1e-9 else 1.0
    if query == ROOT:
        start = (passes[0][1], y + BOX_HEIGHT / 2)
    else:
        lean = passes[0][1] if passes else gate_x
        start = (x + (-0.2 if lean < x - 1e-9 else 0.2), y + BOX_HEIGHT / 2)
    return _smooth(start, passes, (gate_x, gate_y), side)


def _smooth(start: Point, passes: list[tuple[int, float]], gate: Point, side: float) -> Path:
    """Join the points by curves that are upright at every row and reach the gate from a side."""
    points, codes = [start], [Path.MOVETO]
    for row, x in passes:
        bottom, top = row - BOX_HEIGHT / 2, row + BOX_HEIGHT / 2
        bend = (bottom - points[-1][1]) / 2
        points += [(points[-1][0], points[-1][1] + bend), (x, bottom - bend), (x, bottom), (x, top)]
        codes += [Path.CURVE4] * 3 + [Path.LINETO]
    end = (gate[0] + side * GATE_RADIUS * 1.05, gate[1] - 0.02)
    before = (end[0] + side * 0.22, end[1] - 0.14)
    points += [(points[-1][0], points[-1][1] + 0.3), before, end]
    return Path(points, [*codes, *[Path.CURVE4] * 3])
