"""The labels of a table while its rows stream by: what is stored of each task, and its counts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mtnas.data.codes import Codes
from mtnas.data.prepare.manifest import TaskSummary
from mtnas.data.sources.base import Task
from mtnas.runtime.errors import DataError

MOST_CLASSES = 1000  # of a task whose classes are found
_COARSE = 1e-3  # of the spread of numbers that 32 bits may round away
LabelColumn = NDArray[np.float64]


class Label(ABC):
    """A task: `stored` is its column of the table, null where a row has no label."""

    stored: ClassVar[pa.DataType]
    needs: ClassVar[str]  # what there must be for the task to be learned

    def __init__(self, task: Task) -> None:
        self.task, self.name = task, task.name
        self.rows = self.labelled = 0
        self.replaced = 0  # labels that cannot be what the task should hold

    def add(self, column: pa.Array) -> tuple[pa.Array, LabelColumn]:
        """Return what is stored of a chunk, and the same as numbers, NaN where there is none."""
        stored = self._read(column)
        self.rows += len(stored)
        self.labelled += len(stored) - stored.null_count
        return stored, stored.cast(pa.float64()).to_numpy(zero_copy_only=False)

    @property
    def is_plain(self) -> bool:
        """Whether every row has a label 0 or 1; the content hash takes these in another way."""
        return False

    @abstractmethod
    def _read(self, column: pa.Array) -> pa.Array: ...

    @abstractmethod
    def _only(self) -> str | None:
        """Return the only value that a label has; None if there are several."""

    def fault(self) -> str | None:
        """Say why nothing can be learned; None if there is no such reason."""
        label = f"label {self.name} ({self.task.rule})"
        advice = f"check column {self.task.column!r} of the source files"
        if self.labelled == 0:
            return f"no row has {label}; {advice}"
        only, which = self._only(), "" if self.labelled == self.rows else "labelled "
        if only is None:
            return None
        return f"{label} is {only} in all {self.labelled} {which}rows, {self.needs}; {advice}"

    def warnings(self) -> list[str]:
        """Return what may mislead."""
        return []

    def summary(self, mean: float, spread: float) -> TaskSummary:
        """Return what was found, given mean and spread of the labels."""
        labelled = None if self.labelled == self.rows else self.labelled
        return TaskSummary(
            **{**asdict(self.task), "labelled": labelled, **self._found(mean, spread)}
        )

    def _found(self, mean: float, spread: float) -> Mapping[str, Any]:
        return {}


class BinaryLabel(Label):
    """0 or 1."""

    stored, needs = pa.int8(), "both 0 and 1 are needed"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._ones = 0

    @property
    def is_plain(self) -> bool:
        """Whether every row has it."""
        return self.labelled == self.rows

    def _read(self, column: pa.Array) -> pa.Array:
        column = column.cast(pa.int8())
        ends = pc.min_max(column)
        low, high = ends["min"].as_py(), ends["max"].as_py()
        if low is not None and not 0 <= low <= high <= 1:
            raise DataError(f"label {self.name}: {low if low < 0 else high} is neither 0 nor 1")
        self._ones += pc.sum(column).as_py() or 0
        return column

    def _only(self) -> str | None:
        return str(int(self._ones > 0)) if self._ones in (0, self.labelled) else None


class MulticlassLabel(Label):
    """A text that is one of several, stored as its number.

    Found classes are numbered as they come and get their place in the end: `new_numbers`.
    """

    stored, needs = pa.int16(), "two classes are needed"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._numbers = {name: number for number, name in enumerate(task.classes)}
        self._counts = np.zeros(len(task.classes), np.int64)

    def _read(self, column: pa.Array) -> pa.Array:
        encoded = column.cast(pa.string()).dictionary_encode()
        numbers = [self._number(name) for name in encoded.dictionary.to_pylist()]
        stored = pa.array(numbers, pa.int16()).take(encoded.indices)
        self.replaced += stored.null_count - column.null_count
        counts = np.bincount(stored.drop_null().to_numpy(), minlength=len(self._numbers))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        return stored

    def _number(self, name: str) -> int | None:
        """Return the number of a class; None for one that is not listed."""
        if self.task.classes:
            return self._numbers.get(name)
        if name not in self._numbers and len(self._numbers) == MOST_CLASSES:
            raise DataError(
                f"task {self.name} ({self.task.rule}): more than {MOST_CLASSES} classes, such as "
                f"{name!r}; list those that count as `classes`, or make it a `kind: regression`"
            )
        return self._numbers.setdefault(name, len(self._numbers))

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the classes in the order of their numbers: as listed, or sorted."""
        return self.task.classes or tuple(_in_order(self._numbers))

    @property
    def new_numbers(self) -> NDArray[np.int16]:
        """Return the number of every class, by the number that it was stored as."""
        place = {name: number for number, name in enumerate(self.classes)}
        return np.array([place[name] for name in self._numbers], np.int16)

    def _only(self) -> str | None:
        found = np.flatnonzero(self._counts)
        return repr([*self._numbers][found[0]]) if len(found) == 1 else None

    def warnings(self) -> list[str]:
        """Name listed classes without a row."""
        absent = [n for n, count in zip(self._numbers, self._counts, strict=True) if not count]
        text = f"task {self.name}: no row is of class {', '.join(map(repr, absent))}"
        return [*([text] if absent else []), *self._spelt_twice()]

    def _spelt_twice(self) -> Iterator[str]:
        """Name found classes that are one number, or differ in capital letters only."""
        seen: dict[Decimal | str, str] = {}
        for name in () if self.task.classes else self.classes:
            first = seen.setdefault(_meant(name), name)
            if first != name:
                yield (
                    f"task {self.name}: {first!r} and {name!r} are two classes; write them alike "
                    "in the source files if they are one, or list `classes`"
                )

    def _found(self, mean: float, spread: float) -> Mapping[str, Any]:
        rows = np.zeros(len(self._counts), np.int64)
        rows[self.new_numbers] = self._counts
        return {"classes": self.classes, "class_rows": tuple(rows.tolist())}


class RegressionLabel(Label):
    """A number."""

    stored, needs = pa.float64(), "two different values are needed"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._low, self._high = np.inf, -np.inf
        self._codes = Codes()

    def _read(self, column: pa.Array) -> pa.Array:
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), None, column)
        self._codes.add(column.to_numpy(zero_copy_only=False))
        ends = pc.min_max(column)
        if ends["min"].is_valid:
            self._low = min(self._low, ends["min"].as_py())
            self._high = max(self._high, ends["max"].as_py())
        largest = float(np.finfo(np.float32).max)  # labels are trained on in 32 bits
        if max(-self._low, self._high) > largest:
            bad = self._high if self._high > largest else self._low
            raise DataError(
                f"label {self.name} ({self.task.rule}): {bad} is no number within 32 bits "
                f"(at most {largest:.2g}); correct column {self.task.column!r} of the source "
                "files, or name the value as `missing`"
            )
        return column

    def fault(self) -> str | None:
        """Say why nothing can be learned; labels are trained on in 32 bits."""
        step = max(-self._low, self._high) * float(np.finfo(np.float32).eps) / 2
        if (found := super().fault()) or step <= _COARSE * (self._high - self._low):
            return found
        low, high = (repr(end).removesuffix(".0") for end in (self._low, self._high))
        return (
            f"label {self.name} ({self.task.rule}) is between {low} and {high}: its values lie too "
            "near to each other for 32 bits; take an offset off in its expression, such as "
            f"`{self.task.column.partition(',')[0]} - {low}`"
        )

    def warnings(self) -> list[str]:
        """Name numbers that probably mean that there is no label."""
        return [f"task {self.name}: {text}" for text in self._codes.told()]

    def _only(self) -> str | None:
        return f"{self._low:g}" if self._low == self._high else None

    def _found(self, mean: float, spread: float) -> Mapping[str, Any]:
        return {"mean": mean, "spread": spread}


KINDS: dict[str, type[Label]] = {
    "binary": BinaryLabel,
    "multiclass": MulticlassLabel,
    "regression": RegressionLabel,
}


def labels_of(tasks: Sequence[Task]) -> list[Label]:
    """Return the labels of tasks."""
    return [KINDS[task.kind](task) for task in tasks]


def _meant(name: str) -> Decimal | str:
    """Return what is the same for 1 and 1.0, and for True and true."""
    try:
        number = Decimal(name)
    except InvalidOperation:
        return name.casefold()
    return number if number.is_finite() else name.casefold()


def _in_order(names: Mapping[str, int]) -> list[str]:
    """Sort classes: as numbers if all are, else as texts."""
    try:
        values = {name: Decimal(name) for name in names}
    except InvalidOperation:
        return sorted(names)
    if not all(value.is_finite() for value in values.values()):
        return sorted(names)
    return sorted(names, key=lambda name: (values[name], name))
