"""Tables of an audit about labels and leaks, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from mtnas.report.audit_facts import LabelFacts, LeakFacts, TaskFacts
from mtnas.report.left_out import percent
from mtnas.report.render import pipes
from mtnas.report.render.layout import MISSING

NO = "**no**"  # the one cell that is Markdown
LABELS_HEAD = ("Label", "kind", "rule", "rows with a label", "what they are")
LABELS_ALIGNED = (pipes.LEFT, pipes.LEFT, pipes.LEFT, pipes.RIGHT, pipes.LEFT)


def label_rows(labels: Mapping[str, TaskFacts], rules: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return a line per task, and one per source below it where there are several."""
    rows: list[tuple[str, ...]] = []
    for task, facts in labels.items():
        unit = facts["unit"]
        rows.append((task, facts["kind"], rules[task], _share(facts), _values(facts, unit)))
        for source, part in facts.get("by_source", {}).items():
            rows.append((f"{task}, {source}", "", "", _share(part), _values(part, unit)))
    return rows


def _share(facts: LabelFacts) -> str:
    labelled, rows = facts["labelled"], facts["rows"]
    return f"{labelled:,}" + f" ({percent(labelled / rows)})" * (0 < labelled < rows)


def _values(facts: LabelFacts, unit: str) -> str:
    """Return the rate, the classes, or mean and spread of some labels of a task."""
    if "rate" in facts:
        return f"share of ones {facts['rate']:.4f}"
    if "classes" in facts:
        return ", ".join(f"{name} {rows:,}" for name, rows in facts["classes"].items())
    if "mean" in facts:
        mean = f"mean {facts['mean']:.4g}, spread {facts['spread']:.4g}"
        return f"{mean} {unit}" if unit else mean
    return "none"


def leaks_to_markdown(leaks: LeakFacts) -> str:
    """Return how well every field alone tells each label, and how many rows were met before."""
    tasks = list(dict.fromkeys(task for told in leaks["scores"].values() for task in told))
    rows = [
        (field, *(_score(told[task]) for task in tasks)) for field, told in leaks["scores"].items()
    ]
    return "\n\n".join([*_told(leaks), pipe(("Field alone", *tasks), rows)])


def _told(leaks: LeakFacts) -> Iterator[str]:
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
    lines = [[c if c == NO else pipes.escaped(c) for c in line] for line in (head, *rows)]
    return pipes.table(lines[0], lines[1:], aligned) if rows else ""
