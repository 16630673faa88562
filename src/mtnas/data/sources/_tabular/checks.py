"""Checks of a dataset's file that need several of its keys: leaks, unknown columns, names twice."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from mtnas.data.engine.reading import FILE_COLUMN
from mtnas.data.pairs import twofold_pairs
from mtnas.data.sources._tabular.definition import Definition, SourceDefinition
from mtnas.data.sources._tabular.parts import SplitDefinition
from mtnas.runtime.errors import unknown

_RESERVED = re.compile(r"t[0-9]+|split|source")
_TASK = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def problems(definition: Definition) -> Iterator[str]:
    """Yield every problem, each with its key and its remedy."""
    tasks = Counter(task for source in definition.sources.values() for task in source.tasks)
    for task, count in tasks.items():
        if count > 1:
            yield f"tasks: two sources have a task {task!r}; rename one"
    for name, first, second in twofold_pairs(list(tasks)):
        yield (
            f"tasks: the correlations of {first} and of {second} would both have the name "
            f"{name!r}; rename one of these tasks"
        )
    if 0 < len([*filter(None, _packages(definition))]) < len(_packages(definition)):
        yield "package: either all tables and files of a dataset are of the package, or none"
    yield from _kinds(definition)
    for name, source in definition.sources.items():
        where = f"sources.{name}." if name else ""
        for problem in _of_source(source, definition.split, set(tasks)):
            yield where + problem


def _packages(definition: Definition) -> list[str | None]:
    """Return the package of every table, None for every other file."""
    listed: list[str | None] = []
    for source in definition.sources.values():
        files = [field.path for field in source.fields.values() if field.path is not None]
        listed += [source.package, *(None for _ in (*source.joins, *files))]
    return listed


def _kinds(definition: Definition) -> Iterator[str]:
    """Find fields that are of one kind in one source, of another in another."""
    seen: dict[str, tuple[str, str]] = {}
    for name, source in definition.sources.items():
        for given, own in source.fields.items():
            kind: str = own.type if own.type in ("numeric", "list", "features") else "hashed"
            kind += f" in buckets {own.buckets}" if own.buckets else ""
            for field in source.names_of(given):
                first, other = seen.setdefault(field, (kind, name))
                if other != name and first != kind:
                    yield (
                        f"fields: {field!r} is {first} in {other!r}, {kind} in {name!r}; rename one"
                    )


def _of_source(source: SourceDefinition, split: SplitDefinition, tasks: set[str]) -> Iterator[str]:
    yield from _names(source, tasks)
    yield from _joins(source)
    for field in source.fields:
        yield from _leaks(source, field, split)
    for name, task in source.tasks.items():
        for text in {*task.expression.compared} & {*source.missing}:
            yield (
                f"tasks.{name}: {text!r} counts as missing, so no row can be equal to it; "
                "write `IS NULL`, or give a shorter list `missing`"
            )
    yield from _unknown(source)


def _unknown(source: SourceDefinition) -> Iterator[str]:
    """Find columns that a table without a header does not have; folders may give more."""
    known = [*source.columns, FILE_COLUMN]
    if not source.columns or "=" in "".join(source.path):
        return
    users = {f"fields.{field}": source.columns_of(field) for field in source.fields}
    if source.group_expression is not None:
        users["group"] = source.group_expression.columns
    users |= {f"tasks.{task}": own.expression.columns for task, own in source.tasks.items()}
    for user, columns in users.items():
        for column in columns:
            if column not in known and source.joined(column) is None:
                yield f"{user}: {unknown('column', column, known)}"


def _names(source: SourceDefinition, tasks: set[str]) -> Iterator[str]:
    names = [name for field in source.fields for name in source.names_of(field)]
    for name, count in Counter(names).items():
        if count > 1:
            yield f"fields: two fields have the name {name!r}"
        if name in tasks:
            yield f"fields: {name!r} is a task, too; rename one, with `column: {name}` if need be"
        elif _RESERVED.fullmatch(name) or not name.strip():
            yield (
                f"fields: the name {name!r} is taken (t0, t1, ... are tasks); give another "
                f"name, and `column: {name}`"
            )
    for task in source.tasks:
        if task in ("split", "source", "all"):
            yield f"tasks: the name {task!r} has a meaning of its own; give another"
        elif not _TASK.fullmatch(task):
            yield (
                f"tasks: the name {task!r} cannot be one; use letters, digits and _, "
                "and a letter first"
            )


def _joins(source: SourceDefinition) -> Iterator[str]:
    folded = Counter(name.casefold() for name in source.joins)
    if names := [repr(name) for name in source.joins if folded[name.casefold()] > 1]:
        yield f"joins: {' and '.join(names)} differ in capital letters only; rename one"
    for name, join in source.joins.items():
        if not name.isidentifier():
            yield f"joins: the name {name!r} cannot be one; use letters, digits and _"
        for column in join.on:
            if source.joined(column) is not None:
                yield f"joins.{name}.on: {column!r} is of another join; name a column of `path`"


def _is_key(source: SourceDefinition, columns: Iterable[str], key: str) -> bool:
    """Tell whether one of the columns is `key`, or the column of a join that equals it.

    Other columns of a join have values that recur: the weather of an hour is that of another one.
    """
    equal = {key}
    for name, join in source.joins.items():
        if key in join.on:
            equal.add(f"{name}.{join.on[key]}")
    return bool(equal.intersection(columns))


def _leaks(source: SourceDefinition, field: str, split: SplitDefinition) -> Iterator[str]:
    """Refuse a field that reads what a label or the split is made of, also through a join."""
    own, columns = source.fields[field], source.columns_of(field)
    through = {
        key: column
        for column in columns
        if (found := source.joined(column)) is not None
        for key in source.joins[found[0]].on
    }
    for column in dict.fromkeys([*columns, *through]):
        what = f"reads column {column!r}"
        if column in through:
            what = f"column {through[column]!r} is found by {column!r}"
        for task, definition in source.tasks.items():
            if column in definition.expression.columns:
                yield (
                    f"fields.{field}: {what}, which decides task {task!r} "
                    f"(`{definition.sql}`): the label would be among the inputs; remove the field"
                )
        if column == split.column:
            yield f"fields.{field}: {what}, which decides the split; remove the field"
        recurs = own.type == "time" and "year" not in own.parts
        if column == split.time and not recurs and _is_key(source, columns, column):
            yield (
                f"fields.{field}: {what}, by which the rows are split: no value of the test rows "
                "would be known from training; read it as type: time with parts that recur "
                "(month, day, weekday, hour), or remove the field"
            )
