"""Numbers and lists in README and docs: written between markers, never typed.

Numbers come from `results/published/`, lists of fields from the datasets.

A block is `<!-- generated: NAME -->` ... `<!-- /generated -->`; `make readme` fills it, a test
compares.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from mtnas.data import sources
from mtnas.data.sources.base import Task
from mtnas.report.published import performance
from mtnas.report.published.blocks import RENDERERS, figure, read_table_text
from mtnas.runtime.errors import RecordError, unknown
from mtnas.runtime.files import write_text

BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w.]+) -->\n).*?(<!-- /generated -->)", re.S)


def refresh(documents: Iterable[str | Path], published: str | Path) -> list[Path]:
    """Fill every block of `documents`; return the files that changed."""
    changed = []
    for path in map(Path, documents):
        text = path.read_text(encoding="utf-8")
        filled = fill(text, Path(published), where=str(path))
        if filled != text:
            write_text(path, filled)
            changed.append(path)
    return changed


def fill(text: str, published: Path, where: str) -> str:
    """Return `text` with every block rendered from the published results."""

    def render(block: re.Match[str]) -> str:
        name = block["name"]
        if name in RENDERERS:
            content = RENDERERS[name](published)
        elif name.startswith("performance."):
            content = performance.table(published, name.removeprefix("performance."))
        elif name.startswith("figure."):
            content = figure(published, name.removeprefix("figure."))
        elif name.startswith("fields."):
            content = fields(name.removeprefix("fields."))
        elif (published / "tables" / f"{name}.md").is_file():
            content = read_table_text(published, name)
        else:
            allowed = [*RENDERERS, *(p.stem for p in (published / "tables").glob("*.md"))]
            raise RecordError(unknown("generated block", name, allowed, where))
        return f"{block[1]}{content.strip()}\n{block[3]}"

    return BLOCK.sub(render, text)


def fields(dataset: str) -> str:
    """Render the fields of a dataset with their reasons, and its labels below."""
    source = sources.load(dataset, where="generated block")
    read = [(f"`{f.name}`", f"`{f.column}`", f.kind, f.help) for f in source.fields]
    tasks = [(f"`{t.name}`", f"`{t.column}`", _kind(t), t.rule) for t in source.tasks]
    head = (f"{len(read)} fields", "read from", "kind", "what it is, and why it is there")
    rows = [head, (":--", ":--", ":--", ":--"), *read, *tasks]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _kind(task: Task) -> str:
    return "label" if task.kind == "binary" else task.kind
