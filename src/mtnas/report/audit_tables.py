"""Tables of an audit about labels and leaks, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtnas.report.left_out import percent
from mtnas.report.render import pipes
from mtnas.report.render.layout import MISSING

LABELS_HEAD = ("Label", "kind", "rule", "rows with a label", "what they are")
LABELS_ALIGNED = (pipes.LEFT, pipes.LEFT, pipes.LEFT, pipes.RIGHT, pipes.LEFT)
Facts = Mapping[str, Any]


def label_rows(labels: Mapping[str, Facts], rules: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return a line per task, and one per source below it where there are several."""
    rows: list[tuple[str, ...]] = []
    for task, facts in labels.items():
        rows.append((task, facts["kind"], rules[task], _share(facts), _values(facts, facts)))
        for source, part in facts.get("by_source", {}).items():
            rows.append((f"{task}, {source}", "", "", _share(part), _values(part, facts)))
    return rows


def _share(facts: Facts) -> str:
    labelled, rows = int(facts["labelled"]), int(facts["rows"])
    return f"{labelled:,}" + f" ({percent(labelled / rows)})" * (0 < labelled < rows)


def _values(facts: Facts, task: Facts) -> str:
    """Return the rate, the classes, or mean and spread of some labels of a task."""
    if "rate" in facts:
        return f"share of ones {facts['rate']:.4f}"
    if "classes" in facts:
        return ", ".join(f"{name} {rows:,}" for name, rows in facts["classes"].items())
    if "mean" in facts:
        unit = f" {task['unit']}" if task["unit"] else ""
        return f"mean {facts['mean']:.4g}, spread {facts['spread']:.4g}{unit}"
    return "none"


def leaks_to_markdown(leaks: Facts) -> str:
    """Return how well every field alone tells each label, and how many rows were met before."""
    tasks = list(dict.fromkeys(task for told in leaks["scores"].values() for task in told))
    rows = [
        (field, *(_score(told[task]) for task in tasks)) for field, told in leaks["scores"].items()
    ]
    return "\n\n".join([*_told(leaks), pipe(("Field alone", *tasks), rows)])


def _told(leaks: Facts) -> Iterator[str]:
    yield (
        "How well each field alone tells each label, by the mean label of its values in training "
        "rows: AUC (R2 of a number), on validation rows."
    )
    met = leaks["valid_rows_met"]
    yield f"{percent(met)} of the validation rows have the very fields of a training row."


def _score(score: float | None) -> str:
    return MISSING if score is None else f"{score:.3f}"


def pipe(
    head: Sequence[str], rows: Sequence[Sequence[str]], aligned: Sequence[str] | None = None
) -> str:
    """Render a pipe table, nothing without rows; text from the data cannot break it."""
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (head, *rows)]
    return pipes.table(lines[0], lines[1:], aligned) if rows else ""
