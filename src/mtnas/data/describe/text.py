"""The description of a table as lines for a terminal."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from mtnas.data.describe.look import Look
from mtnas.data.describe.profile import Column
from mtnas.data.describe.proposal import TaskIdea, kind_of, left_out, warnings

WIDTH = 98
_HEADINGS = ("column", "type", "values", "missing", "proposed")
_MOST_IDEAS = 10
_LONGEST_NAME, _LONGEST_TYPE = 24, 12


def described(seen: Look, ideas: Sequence[TaskIdea]) -> Iterator[str]:
    """Yield the lines: a table of the columns, what could be a task, what will go wrong."""
    table = seen.table
    yield from _item(_read_as(seen), "")
    yield ""
    rows = [_cells(column) for column in table.columns]
    widths = [max(map(len, cells)) for cells in zip(_HEADINGS, *rows, strict=True)]
    yield _line(_HEADINGS, widths, "most frequent values")
    room = WIDTH - sum(widths) - 2 * len(widths)
    for column, cells in zip(table.columns, rows, strict=True):
        yield _line(cells, widths, _examples(column, room))
    yield ""
    yield "Possible tasks, the likeliest first:"
    for idea in ideas[:_MOST_IDEAS]:
        yield from _item(f"{idea.kind}: {idea.sql} ({idea.why})")
    if ideas[_MOST_IDEAS:]:
        yield from _item(f"and {counted(len(ideas) - _MOST_IDEAS)} of numbers or few values")
    if not ideas:
        yield from _item("none found: a task needs a column with at least two values")
    yield ""
    lost = [f"{reason}: {count:,} lines cannot be read" for reason, count in seen.dropped.items()]
    found = [*lost, *seen.warnings, *warnings(table)]
    yield "Warnings:" if found else "No warnings."
    for text in found:
        yield from _item(text)
    reasons = {column.name: left_out(column) for column in table.columns}
    if any(reasons.values()):
        yield ""
        yield "Not among the fields of the draft:"
    for name, reason in reasons.items():
        if reason:
            yield from _item(f"{name}: {reason}")


def counted(columns: int) -> str:
    """Return such as `1 more column`."""
    return f"{columns} more column" + "s" * (columns > 1)


def _read_as(seen: Look) -> str:
    """Say how large the table is, and how it was read."""
    files = str(seen.files[0])
    if seen.files[1:]:
        files += f" and {len(seen.files) - 1} more"
    rows = f"{seen.table.rows:,} rows" if seen.is_whole else f"the first {seen.table.rows:,} rows"
    keys = ", ".join(f"{key}: {value!r}" for key, value in seen.keys.items() if key != "columns")
    return f"{files}: {rows}, {len(seen.table.columns)} columns, read with {keys}"


def _cells(column: Column) -> tuple[str, ...]:
    missing = f"{column.missing:.0%}"
    if column.missing and missing == "0%":
        missing = "<1%"
    return (
        _cut(column.name, _LONGEST_NAME),
        _cut(_type(column), _LONGEST_TYPE),
        f"{column.distinct:,}",
        missing,
        kind_of(column) or "-",
    )


def _type(column: Column) -> str:
    """Name the type of the values: of a text, what it looks like."""
    if column.type != "VARCHAR":
        return column.type.lower()
    for name, checks in {
        "whole": ("whole",),
        "number": ("number",),
        "true/false": ("flag",),
        "date": ("date", "other_date"),
    }.items():
        if column.present and sum(map(column.share, checks)) > 0.95:
            return name
    return "text"


def _line(cells: Sequence[str], widths: Sequence[int], last: str) -> str:
    left, numbers = (0, 1, 4), (2, 3)
    padded = list(cells)
    for i in left:
        padded[i] = cells[i].ljust(widths[i])
    for i in numbers:
        padded[i] = cells[i].rjust(widths[i])
    return "  ".join([*padded, last]).rstrip()


def _examples(column: Column, room: int) -> str:
    """Write as many of the most frequent values as there is room for."""
    texts = [
        _cut(_example(text, column.type), 20) + (f" ({count:,})" if count > 1 else "")
        for text, count in column.examples
    ]
    line = ""
    for text in texts:
        longer = f"{line}, {text}" if line else _cut(text, room)
        if len(longer) > room:
            break
        line = longer
    return line


def _example(text: str, kind: str) -> str:
    """Write a value in one line, a whole number without decimals."""
    return text.removesuffix(".0") if kind in ("DOUBLE", "FLOAT") else " ".join(text.split())


def _item(text: str, indent: str = "  * ") -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent="    ")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
