"""What a program without mtnas has to compute by itself before it can use an exported model."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import pyarrow as pa

from mtnas.data.prepare.manifest import PrepareSpec
from mtnas.data.sources._tabular.definition import SourceDefinition
from mtnas.data.sources._tabular.values import as_bucket
from mtnas.export.definition import keys_of

MARK = "computed:"  # before the name of a field: the column that holds what was computed
_WEEKDAY = {"weekday": "weekday (0 is Monday)"}


def computed(spec: PrepareSpec, fields: Collection[str]) -> dict[str, str]:
    """Return by name the fields that are not plain columns of their name, and what each is.

    Such a column may hold something else under the same name (years, where the model knows
    decades), so what was computed has to come under `MARK`.
    """
    keys = keys_of(spec)
    if keys is None:
        return {}
    found: dict[str, dict[str, str]] = {}
    for source, table in keys.sources.items():
        for field in table.fields:
            for name, what in _of_field(table, field):
                found.setdefault(name, {})[source] = what
    return {name: _together(told) for name, told in found.items() if name in fields}


def _together(told: Mapping[str, str]) -> str:
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "; ".join(f"in {source}: {what}" for source, what in told.items())


def _of_field(table: SourceDefinition, field: str) -> Iterator[tuple[str, str]]:
    """Yield what a field becomes, with what it is; nothing if it is a plain column."""
    own, expression = table.fields[field], table.expression_of(field)
    if own.type == "features":
        yield field, f"features, input features_{field} of the model: rows of a file of their own"
        return
    assert expression is not None
    read = own.sql or own.column or field
    joined = None if own.sql else table.joined(read)
    what = f"SQL {own.sql}" if own.sql else f"column {read}"
    if joined is not None:
        what = f"column {joined[1]} of the joined table {joined[0]}"
    if own.type == "time":
        for part in own.parts:
            yield f"{field}_{part}", f"the {_WEEKDAY.get(part, part)} in UTC of {what}"
    elif own.type in ("number", "count"):
        yield field, f"{_bucket(own.buckets)} of {what}"
    elif own.sql or joined or read != field:
        yield field, what


def _bucket(buckets: object) -> str:
    """Say what becomes of a number: the texts are those of `values.as_bucket`."""
    if buckets is None:
        return "the number, written short (4 for 4.0),"
    if buckets == "log2":
        return "floor(log2(1 + |x|)), with the sign of x,"
    if isinstance(buckets, Mapping):
        return f"floor(x / {buckets['width']})"
    edges: Sequence[float] = tuple(buckets)  # type: ignore[arg-type]
    texts = as_bucket(pa.array([edges[0] - 1.0, *map(float, edges)]), edges).dictionary.to_pylist()
    return f"the bucket ({', '.join(texts)})"


def told(fields: Mapping[str, str]) -> str:
    """Return what `mtnas export` says of them; empty if there are none."""
    if not fields:
        return ""
    listed = "; ".join(f"{name}: {what}" for name, what in fields.items())
    return (
        f"`mtnas score` computes these fields by itself; a program without mtnas has to, and to "
        f"hand each on as column `{MARK}NAME`: {listed}"
    )
