"""What a field becomes: texts that are hashed, numbers, lists or rows of a matrix."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mtnas.data.engine.cleaning import cleaned
from mtnas.data.engine.connection import literal
from mtnas.data.engine.functions import kind_of
from mtnas.data.engine.query import Asked, Query, bad_name, there_name
from mtnas.data.sources._tabular import values
from mtnas.data.sources._tabular.definition import SourceDefinition
from mtnas.data.sources._tabular.features import FeatureFile
from mtnas.data.sources._tabular.tally import count_of
from mtnas.data.sources.base import UNKNOWN
from mtnas.runtime.errors import DataError

if TYPE_CHECKING:
    from mtnas.data.sources._tabular.rows import Counts

NUMBERS = ("number", "count", "numeric")
# What a text is that was to be read as something else.
NO = {"number": "is no number", "flag": "is neither 0 nor 1", "time": "is no time"}
OUGHT = {"number": "numbers (or true, false)", "flag": "0 or 1 (or true, false)", "time": "times"}
_WHOLE = r"^\s*(\{.*\}|\[.*\])\s*$"  # an object or a list, as JSON writes it


class FieldReader:
    """Reads one field of a source."""

    def __init__(self, name: str, source: SourceDefinition, features: Path | None) -> None:
        self.name, self.key = name, f"field {name}"
        self._own, self._source = source.fields[name], source
        self._expression = source.expression_of(name)
        self._units: set[str] = set()
        self._rounded = 0
        self.unread: list[pa.BooleanArray] = []  # of the rows read last, where a value was lost
        self._matrix = None if features is None else FeatureFile(features, self._own.key)

    def asked(self) -> dict[str, Asked]:
        """Say what the engine is to compute."""
        if self._expression is None:
            return {}
        is_index = self._own.type == "features" and self._own.key is None
        root = "number" if self._own.type in NUMBERS or is_index else None
        wrap = self._as_list if self._own.type == "list" else None
        return {self.key: Asked(self._expression, root, wrap)}  # type: ignore[arg-type]

    @property
    def column(self) -> str:
        """Return the column that it takes as it is, if it does."""
        found = self._expression
        if found is None or self._own.type not in ("category", "id", "time"):
            return ""
        return found.columns[0] if found.is_column else ""

    def check(self, query: Query) -> None:
        """Refuse what cannot be read as the type of the field."""
        found = query.types.get(self.key)
        if found is None:
            return
        kind, wanted = kind_of(found), self._own.type
        if wanted in NUMBERS and kind != "number":
            raise DataError(f"field {self.name!r}: of type {wanted}, but its values are {found}")
        if wanted == "time" and kind not in ("time", "text", "number"):
            raise DataError(f"field {self.name!r}: of type time, but its values are {found}")
        if kind in ("any", "interval") and not found.startswith(("BLOB", "UUID", '"NULL"', "JSON")):
            raise DataError(
                f"field {self.name!r}: values of type {found} are no texts, numbers or times"
            )

    def read(
        self, batch: pa.RecordBatch, query: Query, rows: pa.Int64Array, counts: "Counts"
    ) -> dict[str, pa.Array]:
        """Return what the field becomes, by name; a value that cannot be read is missing.

        `rows` are the numbers of the rows in the table.
        """
        self.unread = []
        if self._expression is None:
            return {self.name: rows}
        column = batch[self.key]
        if self._own.type not in (*NUMBERS, "features"):
            self._count_unread(batch, query, counts)
        match self._own.type:
            case "category" | "id":
                self._rounded += count_of(_is_rounded(column))
                return {self.name: values.as_value(column, self._expression.is_column)}
            case "time":
                return self._times(column, counts)
            case "list":
                return {self.name: self._list(column, counts)}
            case "features":
                return {self.name: self._rows(batch, query, counts)}
        return {self.name: self._numbers(batch, query, counts)}

    def check_end(self, rows: int, counts: "Counts") -> None:
        """Refuse a matrix with another number of rows than the table, if they go in order.

        Warn of names that are floats so large that several whole numbers may be one.
        """
        if self._rounded:
            counts.warnings.append(
                f"field {self.name!r}: {self._rounded} values are floats so large that several "
                "whole numbers may be one; get the file as it was before, with whole numbers or "
                "texts"
            )
        if self._matrix is not None and self._expression is None:
            found = self._matrix.num_rows
            if found != rows:
                raise DataError(
                    f"{self._matrix.path}: {found} rows, but the table of field {self.name!r} has "
                    f"{rows} (broken lines are none); row i must belong to row i, or give `key`"
                )

    def _wrong(self, what: str, there: int, wrong: pa.Array, counts: "Counts") -> None:
        """Count values that are not of the type."""
        counts.tally.add(
            f"values of field {self.name!r} must be of type {self._own.type}",
            there,
            wrong,
            "time" if self._own.type == "time" else "number",
        )
        if count := len(wrong) - wrong.null_count:
            counts.replaced[f"{self.name}: {what}"] += count

    def _numbers(self, batch: pa.RecordBatch, query: Query, counts: "Counts") -> pa.Array:
        own, numbers = self._own.type, batch[self.key]
        wrong, there = self._unread(batch, query)
        sound = pc.is_valid(numbers)
        if own == "count":
            sound = pc.and_(_is_whole(numbers), pc.greater_equal(numbers, _like(numbers, 0)))
        elif pa.types.is_floating(numbers.type):
            sound = pc.is_finite(numbers)
        sound = pc.fill_null(sound, False)
        unsound = pc.and_not(pc.is_valid(numbers), sound)
        shown = values.shown(numbers, unsound)
        wrong = pc.coalesce(wrong, shown)
        self.unread.append(pc.and_not(pc.is_valid(wrong), sound))
        self._wrong(f"no {own}", there, wrong, counts)
        numbers = pc.if_else(sound, numbers, None)
        return numbers.cast(pa.float64(), safe=False) if own == "numeric" else self._bucket(numbers)

    def _count_unread(self, batch: pa.RecordBatch, query: Query, counts: "Counts") -> None:
        """Count the texts that its expression should read as something else and could not."""
        for read in query.reads[self.key]:
            bad, wanted = batch[bad_name(read)], "time" if read.what == "time" else "number"
            there = len(bad) - batch[there_name(read)].false_count
            counts.tally.add(
                f"values of column {read.column!r} of field {self.name!r} must be "
                f"{OUGHT[read.what]}",
                there,
                bad,
                wanted,  # type: ignore[arg-type]
            )
            if count := len(bad) - bad.null_count:
                counts.replaced[f"{self.name}: {read.column} {NO[read.what]}"] += count
                self.unread.append(pc.and_(pc.is_null(batch[self.key]), pc.is_valid(bad)))

    def _unread(self, batch: pa.RecordBatch, query: Query) -> tuple[pa.Array, int]:
        """Return the texts that are no numbers, null elsewhere, and how many values there are."""
        found = batch[self.key]
        wrong, there = pa.nulls(len(found), pa.string()), len(found) - found.null_count
        for read in query.reads[self.key]:
            bad = batch[bad_name(read)]
            wrong = pc.coalesce(wrong, bad)
            there += len(bad) - bad.null_count
        return wrong, there

    def _bucket(self, numbers: pa.Array) -> pa.Array:
        return values.as_bucket(numbers, self._own.buckets)

    def _times(self, column: pa.Array, counts: "Counts") -> dict[str, pa.Array]:
        try:
            times, wrong = values.as_time(column, self._own.time_format)
        except DataError as error:
            raise DataError(f"field {self.name!r}: {error}") from None
        check_units(self._units, column, f"field {self.name!r}")
        there = len(column) - column.null_count
        self.unread.append(wrong)
        self._wrong("no time", there, values.shown(column, wrong), counts)
        return {f"{self.name}_{part}": values.PARTS[part](times) for part in self._own.parts}

    def _as_list(self, sql: str, kind: str) -> str:
        """Return the SQL of the first members; one more than allowed tells that there are more."""
        if kind == "VARCHAR":
            if self._own.separator is None:
                raise DataError(
                    f"field {self.name!r}: is a text; give `separator`, the sign between members"
                )
            split = f"string_split({sql}, {literal(self._own.separator)})"
            sql = cleaned(split, "VARCHAR[]", self._source.reading)
        elif not kind.endswith("[]"):
            sql = f"CASE WHEN {sql} IS NULL THEN NULL ELSE [CAST({sql} AS VARCHAR)] END"
        return f"list_slice(CAST({sql} AS VARCHAR[]), 1, {self._own.max_length + 1})"

    def _list(self, column: pa.ListArray, counts: "Counts") -> pa.ListArray:
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        most = self._own.max_length
        if too_long := int((lengths > most).sum()):
            counts.replaced[f"{self.name}: longer than {most}"] += too_long
        members = column.flatten()
        if self._own.separator is not None:
            self._check_brackets(members, lengths, counts)
        else:
            what = f"members of the lists of field {self.name!r} must be texts or numbers"
            odd = pc.if_else(pc.match_substring_regex(members, _WHOLE), members, None)
            counts.tally.add(what, len(members), odd, "text", is_kept=True)
        place = np.arange(len(members)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        kept = members.filter(pa.array(place < most))
        return _with_unknown(values.as_value(kept), np.minimum(lengths, most))

    def _check_brackets(
        self, members: pa.StringArray, lengths: NDArray[Any], counts: "Counts"
    ) -> None:
        """Tell of lists as programs write them, whose signs would be parts of the members."""
        own = lengths[lengths > 0]
        ends = np.cumsum(own)
        first, last = members.take(pa.array(ends - own)), members.take(pa.array(ends - 1))
        whole = pc.and_(pc.starts_with(first, "["), pc.ends_with(last, "]"))
        # [a]|[b] may be meant; ['a'] is not.
        plain = pc.and_(
            pc.ends_with(first, "]"), pc.invert(pc.match_substring_regex(first, "['\"]"))
        )
        shown = pc.if_else(pc.and_not(whole, plain), first, None)
        what = f"lists of field {self.name!r} must be written without brackets"
        counts.tally.add(what, len(ends), shown, is_kept=True)

    def _rows(self, batch: pa.RecordBatch, query: Query, counts: "Counts") -> pa.Int64Array:
        """Return the row of the matrix that a key or a number names."""
        assert self._matrix is not None
        column = batch[self.key]
        if self._own.key is not None:
            rows = self._matrix.rows_of(values.as_value(column))
        else:
            first, last = _like(column, 0), _like(column, self._matrix.num_rows - 1)
            inside = pc.and_(pc.greater_equal(column, first), pc.less_equal(column, last))
            sound = pc.and_(_is_whole(column), inside)
            rows = pc.if_else(sound, column, None).cast(pa.int64())
        lost = pc.and_(pc.is_valid(column), pc.is_null(rows))
        wrong, there = self._unread(batch, query)
        shown = pc.coalesce(wrong, values.shown(column, lost))
        counts.tally.add(
            f"values of field {self.name!r} must name a row of {self._matrix.path}",
            there,
            shown,
            "row" if self._own.key is not None else "number",
        )
        if count := len(shown) - shown.null_count:
            counts.replaced[f"{self.name}: is in no row of {self._matrix.path.name}"] += count
        return rows


def _is_rounded(column: pa.Array) -> pa.BooleanArray:
    """Tell which values are floats beyond which not every whole number is one."""
    if not pa.types.is_floating(column.type):
        return pa.array([], pa.bool_())
    return pc.greater_equal(pc.abs(column), 2**24 if pa.types.is_float32(column.type) else 2**53)


def _is_whole(numbers: pa.Array) -> pa.BooleanArray:
    if pa.types.is_integer(numbers.type):
        return pc.is_valid(numbers)
    return pc.equal(pc.floor(numbers), numbers)


def _like(numbers: pa.Array, number: int) -> pa.Scalar:
    """Return a number to compare with: unsigned ones of 64 bits are compared with their like."""
    is_long = pa.types.is_uint64(numbers.type)
    return pa.scalar(number, numbers.type) if is_long else pa.scalar(number)


def check_units(seen: set[str], column: pa.Array, where: str) -> None:
    """Refuse unix times of which some are in seconds and some in milliseconds."""
    if pa.types.is_temporal(column.type):
        return
    seen |= values.units_in(column)
    if len(seen) > 1:
        raise DataError(
            f"{where}: its unix times are in {' and in '.join(sorted(seen))}: their order would "
            "be wrong; write them in one unit"
        )


def _with_unknown(members: pa.StringArray, lengths: np.ndarray[Any, Any]) -> pa.ListArray:
    """Return lists of the members; an empty one holds `unknown`."""
    filled = np.maximum(lengths, 1)
    offsets = np.concatenate([[0], np.cumsum(filled)]).astype(np.int32)
    index = np.full(int(offsets[-1]), len(members), np.int64)
    starts = np.repeat(offsets[:-1][lengths > 0], lengths[lengths > 0])
    within = np.arange(len(members)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    index[starts + within] = np.arange(len(members))
    texts = pa.concat_arrays([members.cast(pa.string()), pa.array([UNKNOWN])])
    return pa.ListArray.from_arrays(pa.array(offsets), texts.take(pa.array(index)))
