"""The graph of the rules of the workflow in docs/workflow.md (`make rulegraph`).

snakemake --rulegraph mermaid-js | python -m mtnas.report.rule_graph docs/workflow.md
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_text

_NODE = re.compile(r"^\s*(id\d+)\[(\w+)\]$", re.M)
_EDGE = re.compile(r"^\s*(id\d+) --> (id\d+)$", re.M)
_DRAWN = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.S)
Graph = Mapping[str, set[str]]  # by rule: the rules that take its files


def read_graph(printed: str) -> dict[str, set[str]]:
    """Read what `snakemake --rulegraph mermaid-js` prints; `RecordError` if that is no graph."""
    names = dict(_NODE.findall(printed))
    if not names:
        raise RecordError(
            "no rule in what `snakemake --rulegraph mermaid-js` printed; run it alone"
        )
    graph: dict[str, set[str]] = {name: set() for name in names.values()}
    for start, end in _EDGE.findall(printed):
        graph[names[start]].add(names[end])
    return graph


def reduced(graph: Graph) -> dict[str, set[str]]:
    """Leave out the links that follow from a way over other rules."""
    return {
        start: {end for end in ends if not any(end in _after(graph, o) for o in ends - {end})}
        for start, ends in graph.items()
    }


def _after(graph: Graph, start: str) -> set[str]:
    """Return all rules that come after one."""
    found, waiting = set[str](), [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def mermaid(graph: Graph) -> str:
    """Return the graph as Mermaid draws it, in the order of names: equal graphs, equal text."""
    lines = [f"    {start} --> {end}" for start in sorted(graph) for end in sorted(graph[start])]
    return "\n".join(["flowchart LR", *lines, ""])


def write_into(document: Path, printed: str) -> None:
    """Put the graph into the one Mermaid block of a document."""
    text, drawn = document.read_text(encoding="utf-8"), mermaid(reduced(read_graph(printed)))
    if len(_DRAWN.findall(text)) != 1:
        raise RecordError(f"{document}: not one block ```mermaid, where the rules are drawn")
    write_text(document, _DRAWN.sub(lambda _: drawn, text))


if __name__ == "__main__":
    write_into(Path(sys.argv[1]), sys.stdin.read())
