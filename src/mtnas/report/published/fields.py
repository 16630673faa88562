"""The fields and labels of a dataset as documentation, from the file that declares them."""

from mtnas.data import sources
from mtnas.data.sources.base import Task


def table(dataset: str) -> str:
    """Render the fields of a dataset with their reasons, and its labels below."""
    source = sources.load(dataset, where="generated block")
    fields = [(f"`{f.name}`", f"`{f.column}`", f.kind, f.help) for f in source.fields]
    tasks = [(f"`{t.name}`", f"`{t.column}`", _kind(t), t.rule) for t in source.tasks]
    head = (f"{len(fields)} fields", "read from", "kind", "what it is, and why it is there")
    rows = [head, (":--", ":--", ":--", ":--"), *fields, *tasks]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _kind(task: Task) -> str:
    return "label" if task.kind == "binary" else task.kind
