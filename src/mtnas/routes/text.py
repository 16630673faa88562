"""A route as text: a drawing of lines, and what it shares, in words."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from mtnas.routes.route import Route
from mtnas.routes.space import ROOT


def described(
    route: Route,
    tasks: Sequence[str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> str:
    """Return a drawing of a route and sentences on what its tasks share.

    Args:
        route: the route.
        tasks: what readers call the tasks, in order; default t0, t1, ...
        notes: what else is known of a block, such as how sure a search was of it.
    """
    space = route.space
    names = dict(zip(space.tasks, tasks or space.tasks, strict=True))
    head = (
        f"layers: {space.num_layers}, sub-networks in each: {space.num_subnets}, "
        f"tasks: {space.num_tasks}"
    )
    return "\n".join(
        [f"{head}; one of {space.num_routes:,} routes", "", *_drawing(route, names, notes or {})]
        + ["", *_sentences(route, names)]
    )


def _drawing(route: Route, names: Mapping[str, str], notes: Mapping[str, str]) -> list[str]:
    """Return a line per node, inputs first."""
    space, used = route.space, route.used()
    lines = _tables(route, names, notes) + ["input    root"]
    for layer in range(space.num_layers):
        for i, node in enumerate(space.layer(layer)):
            reads = (ROOT,) if layer == 0 else route[node].values
            lines += [_line(f"layer {layer + 1}" if i == 0 else "", node, reads, route)]
            lines[-1] += "" if node in used else "   (no task uses it)"
            lines[-1] += f"   {notes[node]}" if node in notes and node in used else ""
    for i, (task, name) in enumerate(names.items()):
        lines += [_line("tasks" if i == 0 else "", name, route[task].values, route, task)]
        lines[-1] += f"   {notes[task]}" if task in notes else ""
    return lines


def _tables(route: Route, names: Mapping[str, str], notes: Mapping[str, str]) -> list[str]:
    """Return a line per task: which embedding tables its input is the mean of."""
    lines: list[str] = []
    for block, name in zip(route.space.inputs, names.values(), strict=False):
        lines.append(f"{'tables' if not lines else '':<9}{block} <- ")
        lines[-1] += f"{' + '.join(route[block].values)}, what the root reads for {name}"
        lines[-1] += f"   {notes[block]}" if block in notes else ""
    return lines


def _line(head: str, name: str, reads: Sequence[str], route: Route, block: str = "") -> str:
    block = block or name
    text = f"{head:<9}{name} <- {' + '.join(reads)}"
    if block in route.space.blocks and route[block].has_gate:
        text += f", weighed by a gate that reads {route[block].query}"
    return text


def _sentences(route: Route, names: Mapping[str, str]) -> list[str]:
    """Say which tasks share which sub-networks."""
    reached = {
        task: [n for n in route.space.nodes if n != ROOT and n in route.used([task])]
        for task in names
    }
    everything = [n for n in route.space.nodes if n != ROOT]
    used = [n for n in everything if any(n in own for own in reached.values())]
    lines = []
    for first, second in combinations(names, 2):
        common = [n for n in reached[first] if n in reached[second]]
        of = len(set(reached[first]) | set(reached[second]))
        said = f"share {len(common)} of the {of} sub-networks they use: {', '.join(common)}"
        lines += [f"{names[first]} and {names[second]} {said if common else 'share nothing'}."]
    for task, name in names.items():
        others = {n for other, own in reached.items() if other != task for n in own}
        alone = [n for n in reached[task] if n not in others]
        lines += [f"{name} alone uses {', '.join(alone)}."] if alone and len(names) > 1 else []
    if idle := [n for n in everything if n not in used]:
        lines += [f"No task uses {', '.join(idle)}."]
    return [*lines, _summary(route, reached), *_table_sentences(route, names)]


def _table_sentences(route: Route, names: Mapping[str, str]) -> list[str]:
    """Say whether every task reads what all share, tables of its own, or both."""
    lines = []
    for block, name in zip(route.space.inputs, names.values(), strict=False):
        own = [table[1:] != "" for table in route[block].values]
        if any(own) and not all(own):
            said = "the shared table and its own"
        elif len(own) == 1:
            said = "its own table alone" if own[0] else "the shared table alone"
        else:
            said = "both tables of its own" if own[0] else "both shared tables"
        lines.append(f"{name} reads {said}.")
    return lines


def _summary(route: Route, reached: Mapping[str, Sequence[str]]) -> str:
    """Say in one sentence what kind of sharing a route is."""
    if len(reached) == 1:
        return "With one task, nothing is shared."
    if route.is_disjoint:
        also = "" if route.space.inputs else ": nothing but the input is shared"
        return f"So every task has a network of its own{also}."
    same = len({tuple(own) for own in reached.values()}) == 1
    if same and not any(route[task].has_gate for task in reached):
        if route.space.inputs:
            return "So all tasks use the same sub-networks, without gates of their own."
        return (
            "So all tasks read the same representation: full sharing, without gates of their own."
        )
    if same:
        apart = "gates and tables" if route.space.inputs else "gates"
        return f"So all tasks use the same sub-networks; only their {apart} can tell them apart."
    return "So the tasks share a part, and have a part of their own."
