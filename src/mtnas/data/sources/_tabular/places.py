"""What decides a fixed split: the part that a column names, or the time of a row."""

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.engine.connection import Engine
from mtnas.data.engine.functions import kind_of
from mtnas.data.engine.query import Asked, View
from mtnas.data.engine.syntax import column as as_column
from mtnas.data.sources._tabular import values
from mtnas.data.sources._tabular.fields import check_units
from mtnas.data.sources._tabular.parts import SplitDefinition
from mtnas.data.sources._tabular.tally import Reasons
from mtnas.runtime.errors import DataError

if TYPE_CHECKING:
    from mtnas.data.sources._tabular.rows import Counts

_PARTS = ("train", "valid", "test")  # their numbers are 0, 1, 2
_KEY, _NUMBER = "#place", "#place as number"


class Clock:
    """How the times by which rows are split are written: alike in all sources."""

    def __init__(self) -> None:
        self.units: set[str] = set()
        self._is_number: set[bool] = set()

    def check(self, where: str, is_number: bool) -> None:
        """Refuse numbers in one source and times in another: one order cannot hold both."""
        self._is_number.add(is_number)
        if len(self._is_number) > 1:
            raise DataError(
                f"{where}: it holds numbers in one source and times in another: their order would "
                "be wrong; write them alike"
            )


class PlaceReader:
    """Reads the column by which a fixed split is made."""

    def __init__(self, split: SplitDefinition, name: str, is_number: bool, clock: Clock) -> None:
        self._split, self._name, self._is_number = split, name, is_number
        self._units = clock.units
        self._example = ""  # of a value that is in no list

    @classmethod
    def of(
        cls, split: SplitDefinition, view: View, engine: Engine, clock: Clock
    ) -> "PlaceReader | None":
        """Return the reader of a fixed split; None: the split is at random."""
        name = split.column or split.time
        if name is None:
            return None
        is_number = False
        if split.time is not None and split.time_format is None:
            is_number = kind_of(view.types[name]) in ("number", "bool")
            if view.types[name] == "VARCHAR":
                facts = view.numbers(engine, [name])[name]
                is_number = 2 * facts.numbers > facts.values
            clock.check(f"column {name!r} of the split", is_number)
        return cls(split, name, is_number, clock)

    def asked(self) -> dict[str, Asked]:
        """Say what the engine is to compute."""
        found = {_KEY: Asked(as_column(self._name))}
        if self._is_number:
            found[_NUMBER] = Asked(as_column(self._name), "number")
        return found

    def read(self, batch: pa.RecordBatch, counts: "Counts", reasons: Reasons) -> pa.Array:
        """Return the part's number (int8), or float64 that rises with time; null where neither."""
        column, name = batch[_KEY], self._name
        reasons.append((f"split: {name} missing", pc.is_null(column)))
        if self._split.time is None:
            place = self._part(column)
            unlisted = column.filter(pc.and_(pc.is_valid(column), pc.is_null(place)))
            if len(unlisted) and not self._example:
                self._example = f", such as {values.as_text(unlisted[:1])[0].as_py()[:40]!r}"
            why = f"split: {name} is in no list of the split{self._example}"
            reasons.append((why, pc.is_null(place)))
            return place
        place = self._time(batch)
        lost = pc.and_(pc.is_valid(column), pc.is_null(place))
        counts.tally.add(
            f"values of column {name!r} of the split must be times",
            len(column) - column.null_count,
            values.shown(column, lost),
        )
        reasons.append((f"split: {name} is no time", pc.is_null(place)))
        return place

    def _part(self, column: pa.Array) -> pa.Array:
        listed = [(value, part) for part in _PARTS for value in getattr(self._split, part)]
        names = values.as_value(pa.array([value for value, _ in listed]))
        index = pc.index_in(values.as_value(column), names)
        parts = pa.array([_PARTS.index(part) for _, part in listed], pa.int8())
        return parts.take(index)

    def _time(self, batch: pa.RecordBatch) -> pa.DoubleArray:
        column, where = batch[_KEY], f"column {self._name!r} of the split"
        if self._split.time_format in (None, values.UNIX_FORMAT):
            check_units(self._units, column, where)
        if self._is_number:
            self._check_days(column, where)
            numbers = batch[_NUMBER].cast(pa.float64(), safe=False)
            return pc.if_else(pc.is_finite(numbers), numbers, None)
        try:
            times, _ = values.as_time(column, self._split.time_format)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        return times.cast(pa.int64()).cast(pa.float64())

    def _check_days(self, column: pa.Array, where: str) -> None:
        """Refuse numbers of which some are days and some are longer: their order would be wrong."""
        self._units |= values.days_in(column)
        if len(self._units) > 1:
            raise DataError(
                f"{where}: its times are written as {' and as '.join(sorted(self._units))}: their "
                "order would be wrong; write them alike"
            )
