"""The routes that searches found, drawn from their records: one drawing per seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup
from matplotlib.path import Path as Curve

from mtnas.evidence.search_record import Block
from mtnas.report.decided import decision
from mtnas.report.names import dataset_name, task_name
from mtnas.report.render.html import render
from mtnas.report.render.route_drawing import (
    BOX_HEIGHT,
    BOX_WIDTH,
    GATE_RADIUS,
    Geometry,
    query_path,
)
from mtnas.report.searched import Searched
from mtnas.report.site.anchors import anchor
from mtnas.routes.route import Route
from mtnas.routes.space import ROOT, LocalRoute

UNIT, MARGIN = 92.0, 26.0  # of the drawing: between columns and rows, and around
COLOURS = 6  # of tasks; then they repeat
COMMANDS = {Curve.MOVETO: "M", Curve.LINETO: "L", Curve.CURVE4: "C"}


@dataclass(frozen=True)
class Node:
    """A box of a drawing; `words` tell what its block chose."""

    name: str
    x: float
    y: float
    width: float
    colour: str
    kind: str = ""  # root or task
    words: str = ""
    gate: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """An edge or a query, as an SVG path."""

    path: str
    colour: str


@dataclass(frozen=True)
class Drawing:
    """The route of one seed."""

    seed: str
    route: Route
    blocks: dict[str, Block]
    tasks: Sequence[str]

    @cached_property
    def geometry(self) -> Geometry:
        """Return where nodes are, in units."""
        return Geometry(self.route.space)

    @property
    def size(self) -> tuple[float, float]:
        """Return width and height of the drawing."""
        return UNIT * self.geometry.width, UNIT * self.geometry.top + 2 * MARGIN

    @cached_property
    def colours(self) -> dict[str, str]:
        """Return the class of every node that a task depends on."""
        used = {task: self.route.used([task]) for task in self.route.space.tasks}
        found = {}
        for name in (*self.route.space.nodes, *self.route.space.tasks):
            tasks = [place for place, names in enumerate(used.values()) if name in names]
            if tasks:
                found[name] = f"c{tasks[0] % COLOURS}" if len(tasks) == 1 else "cs"
        return found

    @property
    def nodes(self) -> list[Node]:
        """Return all boxes."""
        locals_of = dict(self.route)
        found = []
        for name, (x, y) in self.geometry.at.items():
            local, used = locals_of.get(name), name in self.colours
            gate = self.geometry.gate(name) if local and local.has_gate and used else None
            found.append(
                Node(
                    self._called(name),
                    *self._at((x, y)),
                    UNIT * (self.geometry.width if name == ROOT else BOX_WIDTH),
                    self.colours.get(name, "off" if name != ROOT else "cs"),
                    "root" if name == ROOT else "task" if name in self.route.space.tasks else "",
                    self._words(name, local),
                    None if gate is None else self._at(gate),
                )
            )
        return found

    @property
    def edges(self) -> list[Line]:
        """Return what every used block reads, and what the first layer reads: the root."""
        route, lines = self.route, []
        for name in route.space.layer(0):
            if name in self.colours:
                x, y = self.geometry.bottom(name)
                lines.append(self._line([(x, BOX_HEIGHT / 2), (x, y)], self.colours[name]))
        for value, block in route.edges:
            gated = route[block].has_gate
            end = self.geometry.gate(block) if gated else self.geometry.bottom(block)
            lines.append(self._line([self.geometry.top_of(value), end], self.colours[block]))
        return lines

    @property
    def queries(self) -> list[Line]:
        """Return a dotted path from what each gate looks at."""
        lines, geometry = [], Geometry(self.route.space)  # its lanes are taken one by one
        for block, local in self.route:
            if block in self.colours and local.has_gate and local.query is not None:
                path = query_path(geometry, local.query, block)
                lines.append(Line(self._path(path), self.colours[block]))
        return lines

    def _called(self, name: str) -> str:
        """Return the name that readers know a node by."""
        tasks = self.route.space.tasks
        if name not in tasks or len(self.tasks) != len(tasks):
            return name
        return task_name(self.tasks[tasks.index(name)])

    def _words(self, name: str, local: LocalRoute | None) -> str:
        """Say what a block chose, and how decidedly."""
        if local is None:
            return ""
        told = f"{self._called(name)} reads {' + '.join(local.values)}"
        if local.has_gate:
            told += f" through a gate that looks at {local.query}"
        recorded = self.blocks[name]
        if recorded.probability is not None:
            told += f"; probability of this choice {recorded.probability:.3f}"
        if recorded.entropy is not None and recorded.uniform_entropy:
            told += f", entropy {recorded.entropy / recorded.uniform_entropy:.0%} of a blind choice"
        told += "".join(map(self._tables, self.route.inputs_of([name])))
        return told if name in self.colours else f"{told}; no task depends on it"

    def _tables(self, block: str) -> str:
        """Say which embedding tables an input reads, and how decidedly."""
        told, sure = (
            f"; tables {' + '.join(self.route[block].values)}",
            self.blocks[block].probability,
        )
        return told if sure is None else f"{told} (probability {sure:.3f})"

    def _at(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return a place in the drawing: rows grow upwards."""
        x, y = point
        return round(UNIT * x, 1), round(UNIT * (self.geometry.top - y) + MARGIN, 1)

    def _line(self, points: Sequence[tuple[float, float]], colour: str) -> Line:
        return Line(self._path(Curve(points)), colour)

    def _path(self, path: Curve) -> str:
        """Return the `d` of an SVG path."""
        parts = []
        for vertices, code in path.iter_segments(simplify=False, curves=True):
            pairs = np.asarray(vertices, dtype=float).reshape(-1, 2).tolist()
            places = " ".join("{} {}".format(*self._at((x, y))) for x, y in pairs)
            parts.append(f"{COMMANDS[Curve.code_type(code)]}{places}")
        return "".join(parts)


@dataclass(frozen=True)
class Routes:
    """All routes of one search."""

    searched: Searched

    @property
    def id(self) -> str:
        """Return the id of the drawing on the page."""
        s = self.searched
        return anchor("route", s.dataset, s.method, s.variant)

    @property
    def title(self) -> str:
        """Return whose routes they are."""
        s = self.searched
        return f"{dataset_name(s.dataset, s.simulated)}: {s.names.run(s.method, s.variant)}"

    @property
    def drawings(self) -> list[Drawing]:
        """Return a drawing for each seed."""
        s = self.searched
        return [Drawing(seed, route, s.blocks[seed], s.tasks) for seed, route in s.routes.items()]

    @property
    def decided(self) -> str:
        """Say how far the search has decided, if it recorded that."""
        blocks = self.searched.blocks.values()
        return decision(block for of in blocks for block in of.values())

    def html(self) -> Markup:
        """Return the drawings with their slider."""
        half = BOX_HEIGHT * UNIT / 2
        return render("routes.html.j2", routes=self, half=half, radius=GATE_RADIUS * UNIT)
