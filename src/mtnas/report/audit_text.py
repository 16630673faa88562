"""An audit (`report.audit`) as Markdown for people."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from mtnas.report.audit_facts import Audit, Beside, LabelFacts, LeakFacts, TaskFacts
from mtnas.report.data_tables import STATISTICS
from mtnas.report.left_out import percent
from mtnas.report.names import SIMULATED, dataset_name
from mtnas.report.render import pipes
from mtnas.report.render.layout import MISSING

NO = "**no**"  # the one cell that is Markdown
LABELS_HEAD = ("Label", "kind", "rule", "rows with a label", "what they are")
LABELS_ALIGNED = (pipes.LEFT, pipes.LEFT, pipes.LEFT, pipes.RIGHT, pipes.LEFT)


def to_markdown(found: Audit) -> str:
    """Render an audit: one sentence that says whether the data are the paper's, then the tables."""
    title = dataset_name(found["dataset"], found["simulated"])
    parts = [f"### Audit of {pipes.escaped(title)}"]
    if found["simulated"]:
        parts.append(f"**{SIMULATED}**: made by a generator; not compared with the paper.")
    parts.append(_summary(found))
    parts += map(pipes.escaped, found.get("left_out", ()))
    parts += (f"**Warning**: {pipes.escaped(warning)}" for warning in warnings_of(found))
    for table in (_counts, _labels, _correlations, _thresholds, _overlap, _collisions, _dropped):
        parts.append(table(found))
    parts.append(leaks_to_markdown(found["leaks"]) if "leaks" in found else "")
    return "\n\n".join(filter(None, parts)) + "\n"


def _summary(found: Audit) -> str:
    known = [entry for entry in _entries(found) if entry["paper"] is not None]
    agreeing = sum(bool(entry["agrees"]) for entry in known)
    against = (
        f"{agreeing} of the {len(known)} numbers in the paper's Tables 1 and 4 agree."
        if known
        else "The paper has no numbers for it."
    )
    dropped = sum(found["rows_dropped"].values())
    return f"{found['rows']:,} rows, {dropped:,} dropped. {against}{_hashed(found)}"


def _hashed(found: Audit) -> str:
    """Say how many values have an id of their own; nothing where no value is hashed."""
    if found["collisions"] is None:
        return ""
    return (
        f" {found['distinct_values']:,} distinct values have {found['distinct_ids']:,} ids; "
        f"{found['collisions']['rate']:.1%} of the values share theirs with another value."
    )


def _counts(found: Audit) -> str:
    """Return the counts; beside the paper's, the size of the hash has the paper's name."""
    names = STATISTICS if _in_paper(found) else {**STATISTICS, "features": "Hash buckets"}
    rows = [(names[key], *_beside(e, "{:,.0f}")) for key, e in found["table1"].items()]
    return _compared(found, "Table 1", "Counts", rows)


def _compared(found: Audit, table: str, name: str, rows: Sequence[tuple[str, ...]]) -> str:
    """Render ours beside the paper's numbers; ours alone, under `name`, where it has none."""
    if _in_paper(found):
        return pipe((table, "ours", "paper", "agrees"), rows)
    return pipe((name, ""), [row[:2] for row in rows])


def _in_paper(found: Audit) -> bool:
    return any(entry["paper"] is not None for entry in _entries(found))


def _entries(found: Audit) -> list[Beside]:
    return [*found["table1"].values(), *found["table4"].values()]


def warnings_of(found: Audit) -> list[str]:
    """Return the warnings of an audit, as plain text; older ones have none."""
    return list(found["leaks"]["warnings"]) if "leaks" in found else []


def _labels(found: Audit) -> str:
    """Return what the labels are; older audits tell the rates of binary ones only."""
    if "labels" in found:
        return pipe(LABELS_HEAD, label_rows(found["labels"], found["tasks"]), LABELS_ALIGNED)
    rates = found["label_rates"]
    rows = [(task, rule, f"{rates[task]:.4f}") for task, rule in found["tasks"].items()]
    return pipe(("Label", "rule", "share of ones"), rows)


def _correlations(found: Audit) -> str:
    called = _pairs(found)
    rows = [(called[pair], *_beside(e, "{:.4f}")) for pair, e in found["table4"].items()]
    return _compared(found, "Table 4", "Correlation of labels", rows)


def _thresholds(found: Audit) -> str:
    called = _pairs(found)
    rows = [
        (
            f"{entry['task']}: {entry['rule']}",
            f"{entry['rate']:.4f}",
            ", ".join(f"{called[p]} {v:.4f}" for p, v in entry["pcc"].items()) or MISSING,
            MISSING if entry["gap"] is None else f"{entry['gap']:.4f}",
        )
        for entry in found["thresholds"]
    ]
    ranked = any(entry["gap"] is not None for entry in found["thresholds"])
    first = "Threshold, best first" if ranked else "Threshold"
    head = (first, "share of ones", "correlations", "largest gap to Table 4")
    return pipe(head, rows)


def _overlap(found: Audit) -> str:
    rows = [
        (
            name,
            f"{entry['test_rows_seen_in_train']:.1%}",
            f"{entry['distinct_in_test']:,}",
            f"{entry['distinct_seen_in_train']:,}",
        )
        for name, entry in found["overlap"].items()
    ]
    head = ("Id field", "test rows seen in train", "distinct in test", "of these in train")
    return pipe(head, rows)


def _collisions(found: Audit) -> str:
    fields = found["collisions"]["per_field"] if found["collisions"] else {}
    rows = [(name, f"{e['count']:,}", f"{e['rate']:.1%}") for name, e in fields.items()]
    return pipe(("Field", "values that share an id", "share"), rows)


def _dropped(found: Audit) -> str:
    rows = [(reason, f"{count:,}") for reason, count in found["rows_dropped"].items()]
    return pipe(("Rows dropped", "count"), rows or [("none", "0")])


def _pairs(found: Audit) -> dict[str, str]:
    """Return what readers call each pair of tasks."""
    return {"_".join(pair): " & ".join(pair) for pair in combinations(found["tasks"], 2)}


def _beside(entry: Beside, form: str) -> tuple[str, str, str]:
    """Return ours, the paper's and whether they agree, as text."""
    if entry["paper"] is None:
        return form.format(entry["ours"]), MISSING, MISSING
    agrees = "yes" if entry["agrees"] else NO
    return form.format(entry["ours"]), form.format(entry["paper"]), agrees


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
    told = (
        "How well each field alone tells each label, by the mean label of its values in training "
        "rows: AUC (R2 of a number), on validation rows."
    )
    met = f"{percent(leaks['valid_rows_met'])} of the validation rows have the very fields of a "
    return "\n\n".join([told, f"{met}training row.", pipe(("Field alone", *tasks), rows)])


def _score(score: float | None) -> str:
    return MISSING if score is None else f"{score:.3f}"


def pipe(
    head: Sequence[str], rows: Sequence[Sequence[str]], aligned: Sequence[str] | None = None
) -> str:
    """Render a pipe table, nothing without rows; text from the data cannot break it."""
    lines = [[c if c == NO else pipes.escaped(c) for c in line] for line in (head, *rows)]
    return pipes.table(lines[0], lines[1:], aligned) if rows else ""
