"""Draw any sharing route into axes: root at the bottom, tasks on top, one colour per task.

Coordinates are in node widths: columns and rows are one unit apart. Everything that is drawn is
returned by name, so a test can count it.
"""

from collections import Counter
from dataclasses import dataclass, field

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path

from mtnas.reporting.style import PALE, SHARED, task_colour
from mtnas.routes import ROOT, Route, SearchSpace

BOX_WIDTH, BOX_HEIGHT = 0.62, 0.36
GATE_RADIUS = 0.075
LANE = 0.075  # distance between two query arrows in one gap
QUERY_DASHES = (0, (1.0, 1.3))
Point = tuple[float, float]


@dataclass(frozen=True)
class RouteDrawing:
    """The artists of one drawn route; `inputs` go from the root to first-layer sub-networks."""

    nodes: dict[str, FancyBboxPatch] = field(default_factory=dict)
    inputs: dict[str, Line2D] = field(default_factory=dict)
    edges: dict[tuple[str, str], Line2D] = field(default_factory=dict)
    gates: dict[str, Circle] = field(default_factory=dict)
    queries: dict[str, FancyArrowPatch] = field(default_factory=dict)


class _Geometry:
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
    geometry = _Geometry(route.space)
    drawing = RouteDrawing()
    serves = _served_tasks(route)
    width = font_size / 5.5
    _draw_nodes(axes, geometry, serves, font_size, drawing)
    for name in route.space.layer(0):
        if serves[name]:
            x, y = geometry.at[name]
            points = ((x, BOX_HEIGHT / 2), (x, y - BOX_HEIGHT / 2))
            drawing.inputs[name] = _line(axes, *points, _colour(serves[name]), width)
    for value, block in route.edges:
        x, y = geometry.at[value]
        top, bottom = (x, y + BOX_HEIGHT / 2), geometry.at[block][1] - BOX_HEIGHT / 2
        end = geometry.gate(block) if route[block].has_gate else (geometry.at[block][0], bottom)
        drawing.edges[value, block] = _line(axes, top, end, _colour(serves[block]), width)
    for block, local in route:
        if serves[block] and local.has_gate and local.query is not None:
            colour = _colour(serves[block])
            _draw_gate(axes, geometry, block, local.query, colour, width, drawing)
    _frame(axes, geometry)
    return drawing


def legend_handles(num_tasks: int) -> list[Artist]:
    """Return handles that explain every sign of a drawing."""
    handles: list[Artist] = [
        Line2D([], [], color=task_colour(t), lw=2, label=f"serves task {t} only")
        for t in range(num_tasks)
    ]
    if num_tasks > 1:
        handles.append(Line2D([], [], color=SHARED, lw=2, label="serves two or more tasks"))
    gate = {"marker": "o", "mfc": "white", "mec": SHARED, "ms": 5, "lw": 0}
    handles += [
        Line2D([], [], label="gate: weighs its inputs", **gate),  # type: ignore[arg-type]
        Line2D([], [], color=SHARED, lw=1, ls=QUERY_DASHES, label="query: what the gate looks at"),
        Patch(fc="white", ec=PALE, ls=(0, (3, 2)), label="sub-network not used"),
    ]
    return handles


def panel_units(space: SearchSpace) -> Point:
    """Return the width and height of a drawing in units, to give its axes the right shape."""
    return float(max(space.num_subnets, space.num_tasks)) + 0.1, space.num_layers + 1.56


def _frame(axes: Axes, geometry: _Geometry) -> None:
    axes.set_xlim(-0.05, geometry.width + 0.05)
    axes.set_ylim(-0.28, geometry.top + 0.28)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _served_tasks(route: Route) -> dict[str, tuple[str, ...]]:
    """Return for every node the tasks it feeds, through values or effective queries."""
    space = route.space
    used = {task: route.used([task]) for task in space.tasks}
    names = [ROOT, *(n for layer in range(space.num_layers) for n in space.layer(layer))]
    return {
        name: tuple(task for task in space.tasks if name in used[task])
        for name in (*names, *space.tasks)
    }


def _colour(tasks: tuple[str, ...]) -> str:
    return task_colour(tasks[0]) if len(tasks) == 1 else SHARED


def _draw_nodes(
    axes: Axes,
    geometry: _Geometry,
    serves: dict[str, tuple[str, ...]],
    font_size: float,
    drawing: RouteDrawing,
) -> None:
    """Draw root, sub-networks and tasks, with their names."""
    for name, (x, y) in geometry.at.items():
        is_task, is_root = name in geometry.space.tasks, name == ROOT
        width = geometry.width if is_root else BOX_WIDTH
        colour = SHARED if is_root else _colour(serves[name]) if serves[name] else PALE
        drawing.nodes[name] = FancyBboxPatch(
            (x - width / 2, y - BOX_HEIGHT / 2),
            width,
            BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.09",
            facecolor=colour if is_task else "#EFEFEF" if is_root else "white",
            edgecolor=colour,
            linewidth=font_size / 7,
            linestyle="solid" if serves[name] or is_root else (0, (3, 2)),
            zorder=3,
        )
        axes.add_patch(drawing.nodes[name])
        ink = "white" if is_task else SHARED if serves[name] or is_root else "#8A8A8A"
        text = axes.text(x, y - 0.01, name, ha="center", va="center_baseline", zorder=5)
        text.set(color=ink, fontsize=font_size, fontweight="bold" if is_task else "normal")


def _line(axes: Axes, start: Point, end: Point, colour: str, width: float) -> Line2D:
    xs, ys = zip(start, end, strict=True)
    line = Line2D(xs, ys, color=colour, lw=width, zorder=2, solid_capstyle="round")
    axes.add_line(line)
    return line


def _draw_gate(
    axes: Axes,
    geometry: _Geometry,
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
    arrow = FancyArrowPatch(
        path=_query_path(geometry, query, block),
        arrowstyle=f"-|>,head_length={2.6 * width},head_width={1.1 * width}",
        color=colour,
        linewidth=0.65 * width,
        linestyle=QUERY_DASHES,
        capstyle="butt",
        mutation_scale=1,
        zorder=2.5,
        fill=True,
    )
    axes.add_patch(circle)
    axes.add_patch(arrow)
    drawing.gates[block], drawing.queries[block] = circle, arrow


def _query_path(geometry: _Geometry, query: str, block: str) -> Path:
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
