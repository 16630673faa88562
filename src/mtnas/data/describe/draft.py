"""A first definition of a table, to be corrected by whoever knows it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import yaml

from mtnas.data.describe.look import Look
from mtnas.data.describe.profile import Column
from mtnas.data.describe.proposal import (
    Kind,
    TaskIdea,
    doubt,
    kind_of,
    left_out,
    may_be_outcome,
    time_format,
)
from mtnas.data.engine.reading import MISSING
from mtnas.runtime.errors import ConfigError, DataError, of_machine

_MOST_TASKS = 8
_TAKEN = {"split", "source", "all"}  # names that a column of a prepared table has
_SURE = 2  # rank of an idea from which it is taken without being the best


class _FieldKeys(TypedDict, total=False):
    column: str
    type: Kind | None
    time_format: str
    separator: str


def draft(seen: Look, ideas: Sequence[TaskIdea]) -> str:
    """Return the YAML of a dataset that loads as it is.

    Raises:
        DataError: the table has nothing to predict, or nothing to predict it from.
    """
    chosen = _chosen(ideas)
    tasks = {idea.column for idea in chosen}
    fields = [c for c in seen.table.columns if c.name not in tasks and kind_of(c)]
    if not chosen or not fields:
        raise DataError(
            f"{seen.files[0]}: no draft: a dataset needs a column to predict and another one to "
            "predict it from, each with at least two values"
        )
    return "\n".join([*_head(seen), "", *_tasks(chosen, ideas), "", *_fields(seen, fields, tasks)])


def write(text: str, path: Path) -> None:
    """Write a draft to a new file.

    Raises:
        ConfigError: the name cannot be that of a dataset, or the file is there.
        DataError: the disk does not allow it.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.ya?ml", path.name):
        raise ConfigError(
            f"{path}: the name of the file is that of the dataset: lower-case letters, digits and "
            "_, then .yaml, such as config/datasets/loans.yaml"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        if path.exists():
            raise ConfigError(
                f"{path}: is there already; give another name, or remove it"
            ) from None
        raise DataError(of_machine(error, path) or f"{path}: cannot be written: {error}") from None


def _chosen(ideas: Sequence[TaskIdea]) -> list[TaskIdea]:
    """Return the best idea, and others that are about as good, one for a column."""
    best: dict[str, TaskIdea] = {}
    for idea in ideas:
        if not best or idea.rank >= max(_SURE, ideas[0].rank - 1):
            best.setdefault(idea.column, idea)
    return list(best.values())[:_MOST_TASKS]


def _head(seen: Look) -> Iterator[str]:
    rows = f"{seen.table.rows:,} rows" if seen.is_whole else f"the first {seen.table.rows:,} rows"
    yield f"# Guessed by `mtnas describe` from {rows}: check tasks, types and what is left out."
    yield "# What a task is computed from, or what is known only after it, must not be a field."
    files = [str(file) for file in seen.files]
    yield f"path: {_flow(files[0] if len(files) == 1 else files)}"
    for key, value in seen.keys.items():
        yield f"{key}: {_flow(value)}"
    numbers = [column for column in seen.table.columns if column.is_number]
    if any(column.counts["decimal_comma"] for column in numbers):
        yield "decimal: ','"
    if words := {word for column in numbers for word in column.words}:
        yield f"missing: {_flow([*MISSING, *sorted(words)])}"


def _tasks(chosen: Sequence[TaskIdea], ideas: Sequence[TaskIdea]) -> Iterator[str]:
    yield "tasks:"
    for idea in chosen:
        yield f"  {_task(idea)}"
    taken = {idea.column for idea in chosen}
    others = [idea for idea in ideas if idea.column not in taken]
    if others:
        yield "  # Instead or as well, if no field reads the same column:"
        for idea in others[:_MOST_TASKS]:
            yield f"  # {_task(idea)}"


def _task(idea: TaskIdea) -> str:
    name = task_name(idea.column)
    if idea.kind == "binary":
        return f"{name}: {_flow(idea.sql)}"
    return f"{name}: {_flow({'kind': idea.kind, 'sql': idea.sql})}"


def _fields(seen: Look, fields: Sequence[Column], tasks: set[str]) -> Iterator[str]:
    yield "fields:"
    taken = {*map(task_name, tasks)}
    for column in fields:
        if said := doubt(column):
            yield f"  # {said}:"
        if said := may_be_outcome(column):
            yield f"  # {said}:"
        yield f"  {_flow(_field_name(column.name, taken))}: {_flow(_field(column, taken))}"
    for column in seen.table.columns:
        if column.name not in tasks and (reason := left_out(column)):
            yield f"  # {_flow(column.name)}: left out: {reason}"
    times = [column for column in fields if kind_of(column) == "time"]
    yield ""
    if times:
        pattern = time_format(times[0])
        split = {"time": times[0].name, "ratios": [0.7, 0.15, 0.15]}
        split |= {"time_format": pattern} if pattern else {}
        yield "# The oldest rows train, the newest test:"
        yield f"# split: {_flow(split)}"
    yield "split: [0.7, 0.15, 0.15]"
    yield ""


def task_name(column: str) -> str:
    """Return the name of the task that a column gives: ASCII letters, digits and _."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_")
    name = name if re.match("[A-Za-z]", name) else f"task_{name}".rstrip("_")
    return f"{name}_" if name.lower() in _TAKEN else name


def _field_name(column: str, taken: set[str]) -> str:
    """Return the name of the field that reads a column: the column's own, if it may."""
    is_taken = column in taken | _TAKEN or re.fullmatch("t[0-9]+", column)
    return f"{column}_" if is_taken else column


def _field(column: Column, taken: set[str]) -> _FieldKeys:
    kind, keys = kind_of(column), _FieldKeys()
    if _field_name(column.name, taken) != column.name:
        keys["column"] = column.name
    keys["type"] = kind
    if kind == "time" and (pattern := time_format(column)):
        keys["time_format"] = pattern
    if kind == "list" and column.separator:
        keys["separator"] = column.separator
    return keys


def _flow(value: object) -> str:
    """Write a value in one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").strip()
