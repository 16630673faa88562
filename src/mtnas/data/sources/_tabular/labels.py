"""What a task becomes: 0 or 1, a class, a number, or no label."""

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.engine.functions import kind_of
from mtnas.data.engine.query import Asked, Query, bad_name, there_name
from mtnas.data.engine.reads import Read, What
from mtnas.data.sources._tabular import values
from mtnas.data.sources._tabular.fields import NO, OUGHT
from mtnas.data.sources._tabular.parts import TaskDefinition
from mtnas.data.sources._tabular.tally import Reasons, count_of
from mtnas.runtime.errors import DataError

if TYPE_CHECKING:
    from mtnas.data.sources._tabular.rows import Counts

_ROOTS: dict[str, What | None] = {"binary": "flag", "multiclass": None, "regression": "number"}
_UNSOUND = {
    "binary": "is neither 0 nor 1",
    "multiclass": "is none of `classes`",
    "regression": "is not finite",
}
TYPES = {"binary": pa.int8(), "multiclass": pa.string(), "regression": pa.float64()}


class LabelReader:
    """Reads the label of one task."""

    def __init__(self, name: str, task: TaskDefinition) -> None:
        self.name, self.key, self._task = name, f"task {name}", task
        self.unread: list[tuple[str, pa.BooleanArray]] = []  # labels that the rows read last lost
        self._wrong: list[tuple[str, pa.BooleanArray]] = []  # and their values, label or not

    def asked(self) -> dict[str, Asked]:
        """Say what the engine is to compute."""
        return {self.key: Asked(self._task.expression, _ROOTS[self._task.kind])}

    def check(self, query: Query) -> None:
        """Refuse an expression that gives something else than the kind of the task needs."""
        found, kind = query.types[self.key], self._task.kind
        given = kind_of(found)
        where = f"task {self.name!r}: `{self._task.sql}` gives {found}"
        if kind == "binary" and given not in ("bool", "number"):
            raise DataError(f"{where}, not true or false; compare it, as in `x = 'yes'`")
        if kind == "regression" and given not in ("bool", "number"):
            raise DataError(f"{where}, not a number; cast it, as in `TRY_CAST(x AS DOUBLE)`")
        if kind == "multiclass" and given in ("list", "any", "interval"):
            raise DataError(f"{where}, not a class; name one value")

    def read(
        self, batch: pa.RecordBatch, query: Query, counts: "Counts", reasons: Reasons
    ) -> pa.Array:
        """Return the label of every row, null where it has none; add why to `reasons`."""
        found, self.unread, self._wrong = batch[self.key], [], []
        label = self._label(found)
        absent = pc.is_null(label)
        for read in query.reads[self.key]:
            bad = batch[bad_name(read)]
            self._tally(read, bad, count_of(batch[there_name(read)]), counts)
            what = f"{self.name}: {read.column} {NO[read.what]}"
            self._wrong.append((what, pc.is_valid(bad)))
            self.unread.append((what, pc.and_(pc.is_null(found), pc.is_valid(bad))))
        unsound = (f"{self.name}: {_UNSOUND[self._task.kind]}", pc.and_(pc.is_valid(found), absent))
        self.unread.append(unsound)
        self._wrong.append(unsound)
        counts.tally.add(
            f"values of task {self.name} (`{self._task.sql}`) must be {_wanted(self._task)}",
            len(found) - found.null_count,
            values.shown(found, unsound[1]),
        )
        columns = ", ".join(self._task.expression.columns)
        reasons += [*self.unread, (f"{self.name}: {columns} missing", absent)]
        return label

    def count_kept(self, kept: pa.BooleanArray, counts: "Counts") -> None:
        """Count what could not be read in the rows that are kept."""
        for what, rows in self._wrong:
            if count := count_of(pc.and_(rows, kept)):
                counts.replaced[what] += count

    def _label(self, found: pa.Array) -> pa.Array:
        if self._task.kind == "multiclass":
            text = values.as_value(found, self._task.expression.is_column)
            if not self._task.classes:
                return text
            classes = pa.array(self._task.classes, pa.string())
            return classes.take(pc.index_in(text, values.as_value(classes)))
        if self._task.kind == "regression":
            numbers = found.cast(pa.int8()) if pa.types.is_boolean(found.type) else found
            numbers = numbers.cast(pa.float64(), safe=False)
            return pc.if_else(pc.is_finite(numbers), numbers, None)
        if pa.types.is_boolean(found.type):
            return found.cast(pa.int8())
        number = found.cast(pa.float64(), safe=False)
        sound = pc.is_in(number, pa.array([0.0, 1.0]))
        return pc.if_else(sound, number, None).cast(pa.int8())

    def _tally(self, read: Read, bad: pa.Array, there: int, counts: "Counts") -> None:
        counts.tally.add(
            f"values of column {read.column!r} of task {self.name} (`{self._task.sql}`) must be "
            f"{OUGHT[read.what]}",
            there,
            bad,
        )


def _wanted(task: TaskDefinition) -> str:
    if task.kind == "multiclass":
        return f"one of {', '.join(task.classes)}"
    return "0 or 1" if task.kind == "binary" else "finite numbers"
