"""Parquet: columns with their types; `user.name` is a member of a structure."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mtnas.data.engine.cleaning import AROUND, without_point
from mtnas.data.engine.connection import Engine, literal, name
from mtnas.data.engine.reading import BLANKS
from mtnas.data.engine.source import Source
from mtnas.runtime.errors import DataError


def in_pieces(path: str | Path) -> pq.ParquetFile:
    """Open a file whose batches are read one by one; by default all of it is read ahead."""
    return pq.ParquetFile(path, pre_buffer=False)


def open_file(engine: Engine, file: Path, wanted: Sequence[str]) -> Source:
    """Read the schema of a file; `DataError` if it is damaged or a wanted column has objects."""
    try:
        with pq.ParquetFile(file) as found:
            schema, rows = found.schema_arrow, found.metadata.num_rows
        blanks = _blanks(file, schema, wanted)
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0]
        raise DataError(f"{file}: not a sound Parquet file ({why}); see key `format`") from None
    relation = f"read_parquet({engine.path(file)}, hive_partitioning = false)"
    source = Source(file, relation, {}, rows)
    columns = {}
    for column in [*schema.names, *wanted]:
        if (sql := _column(schema, column, source, column in wanted)) is not None:
            columns[column] = sql
    return Source(file, relation, columns, rows, blanks=blanks)


def _blanks(file: Path, schema: pa.Schema, wanted: Sequence[str]) -> str:
    """Return the blanks that may stand around texts: all, or none if the columns hold none."""
    if any(schema.names.count(c) != 1 and ("." in c or c in schema.names) for c in wanted):
        return BLANKS
    kinds = {c: schema.field(c).type for c in wanted if c in schema.names}
    texts = [c for c, kind in kinds.items() if not _is_plain(kind)]
    if any("." in c or kinds[c] not in (pa.string(), pa.large_string()) for c in texts):
        return BLANKS
    with pq.ParquetFile(file, read_dictionary=texts) as found:
        for group, text in product(range(found.num_row_groups), texts):
            table = found.read_row_group(group, columns=[text], use_threads=False)
            for chunk in table.column(0).chunks:
                if pc.any(pc.match_substring_regex(chunk.dictionary, AROUND)).as_py():
                    return BLANKS
    return ""


def _is_plain(kind: pa.DataType) -> bool:
    """Tell whether values of a type are no texts, or lists, whose members are cleaned anyway."""
    return bool(pa.types.is_primitive(kind) or _is_list(kind) or pa.types.is_decimal(kind))


def _column(schema: pa.Schema, column: str, source: Source, needed: bool) -> str | None:
    """Return the SQL of a column; None: there is none of this name."""
    if _times(schema.names, column) > 1:
        return ""  # refused where it is needed
    parts = column.split(".")
    for first in range(len(parts), 0, -1):
        head = ".".join(parts[:first])
        if head in schema.names:
            if _times(schema.names, head) > 1:
                return ""
            found = _inside(schema.field(head).type, name(head), parts[first:])
            if found is None:
                continue
            sql, kind = found
            if not sql:
                return ""
            if needed and (pa.types.is_struct(kind) or pa.types.is_map(kind)):
                source.fail(
                    f"column {column!r}: values of type {kind} are no texts, numbers or times; "
                    f"name one of their keys, `{column}.KEY`"
                )
            return _readable(sql, kind)
    return None


def _inside(kind: pa.DataType, sql: str, keys: Sequence[str]) -> tuple[str, pa.DataType] | None:
    """Return the SQL and the type of a member, also of every item of a list; "": two are alike."""
    if not keys:
        return sql, kind
    if _is_list(kind):
        inner = _inside(kind.value_type, "item", keys)
        if inner is None:
            return None
        listed = f"list_transform({sql}, lambda item: {inner[0]})" if inner[0] else ""
        return listed, pa.list_(inner[1])
    if not pa.types.is_struct(kind) or kind.get_field_index(keys[0]) < 0:
        return None
    if _times([member.name for member in kind], keys[0]) > 1:
        return "", kind
    return _inside(kind.field(keys[0]).type, f"struct_extract({sql}, {literal(keys[0])})", keys[1:])


def _times(names: Sequence[str], wanted: str) -> int:
    """Return how many names SQL takes for the wanted one: capital letters do not count."""
    return sum(name.casefold() == wanted.casefold() for name in names)


def _readable(sql: str, kind: pa.DataType) -> str:
    if _is_bytes(kind):
        return f"coalesce(TRY(decode({sql})), CAST({sql} AS VARCHAR))"  # no text: \\xFF for a byte
    if pa.types.is_null(kind):
        return f"CAST({sql} AS VARCHAR)"
    if _is_list(kind):
        nested = _is_list(kind.value_type) or pa.types.is_struct(kind.value_type)
        texts = f"CAST({'to_json(item)' if nested else 'item'} AS VARCHAR)"
        if pa.types.is_floating(kind.value_type):
            texts = without_point(texts)
        return f"list_transform({sql}, lambda item: {texts})"
    return sql


def _is_bytes(kind: pa.DataType) -> bool:
    fixed = pa.types.is_fixed_size_binary(kind)
    return bool(fixed or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
