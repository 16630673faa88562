"""The inputs of a table while its rows stream by: what is stored of each, and what is counted.

Beside its values every input returns 64 bits of what a row holds: rows that agree in them all are
equal (`prepare.repeated`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.codes import Codes
from mtnas.data.prepare.hashing import DistinctValues, IdCounts, Ids, Keys, different, hash_values
from mtnas.data.prepare.manifest import Bag, FeatureBlock, FieldSummary, InputLayout, Number
from mtnas.data.prepare.repeated import keys_of_numbers
from mtnas.data.prepare.spellings import Spellings
from mtnas.data.sources.base import Field
from mtnas.runtime.errors import DataError

_LARGEST = float(np.finfo(np.float32).max)
_COARSE = 1e-3  # of the spread of numbers that 32 bits may round away


class Input(ABC):
    """A field: `stored` is its column of the table."""

    def __init__(self, field: Field, stored: pa.DataType) -> None:
        self.field, self.name = field, field.name
        self.stored = stored
        self.replaced = 0  # values that cannot be what the field should hold
        self.missing = 0  # rows

    @abstractmethod
    def read(self, column: pa.Array) -> tuple[pa.Array, Keys]:
        """Return what is stored of a chunk, and the key of every row."""

    def summary(self) -> FieldSummary:
        """Return what was found."""
        return FieldSummary(**asdict(self.field))


class HashedInput(Input):
    """One text a row, stored as its id."""

    def __init__(
        self,
        field: Field,
        num_features: int,
        counts: IdCounts,
        stored: pa.DataType | None = None,
    ) -> None:
        super().__init__(field, stored or pa.int32())
        self._num_features = num_features
        self.values = DistinctValues(counts)
        self._spellings = Spellings(field.name)

    def read(self, column: pa.Array) -> tuple[pa.Array, Keys]:
        """Return ids and the digests of the texts."""
        ids, keys = self._hashed(column)
        return pa.array(ids), keys

    def _hashed(self, column: pa.Array) -> tuple[Ids, Keys]:
        see = self._spellings.add
        return hash_values(column, self.name, self._num_features, self.values, see)

    def spelt_twice(self) -> tuple[int, tuple[str, ...]]:
        """Return how many numbers have several spellings, and two of one, if they were kept."""
        return self._spellings.twice(self.values.keys)

    def summary(self) -> FieldSummary:
        """Return how many values and ids there are."""
        ids = self.values.ids
        counts = {"distinct_values": len(ids), "distinct_ids": len(different(ids))}
        return super().summary().model_copy(update=counts)


class ListInput(HashedInput):
    """A list of texts a row, stored as a list of ids."""

    def __init__(self, field: Field, num_features: int, counts: IdCounts) -> None:
        ids = pa.list_(pa.field("id", pa.int32(), nullable=False))
        super().__init__(field, num_features, counts, ids)
        self.longest = 0

    def read(self, column: pa.Array) -> tuple[pa.Array, Keys]:
        """Return lists of ids; rows that hold the same values in another order are equal."""
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        if not lengths.all():
            raise DataError(f"field {self.name!r}: an empty list; write ['unknown']")
        ids, keys = self._hashed(pc.list_flatten(column))
        ends = np.cumsum(lengths, dtype=np.int64)
        self.longest = max(self.longest, int(lengths.max(initial=0)))
        starts = np.concatenate([[0], ends]).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(starts), pa.array(ids)).cast(self.stored)
        sums = np.add.reduceat(keys, starts[:-1]) if len(lengths) else keys[:0]
        return lists, sums + lengths.astype(np.uint64)


class NumberInput(Input):
    """A number a row, or none."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, pa.float32())
        self._low, self._high = np.inf, -np.inf
        self.codes = Codes()

    @property
    def is_too_near(self) -> bool:
        """Whether 32 bits cannot tell the numbers apart."""
        step = max(-self._low, self._high) * float(np.finfo(np.float32).eps) / 2
        return bool(self._low < self._high and step > _COARSE * (self._high - self._low))

    def read(self, column: pa.Array) -> tuple[pa.Array, Keys]:
        """Return numbers; one that is infinite or too large for 32 bits counts as missing."""
        numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        wrong = np.abs(numbers) > _LARGEST  # not NaN, which null is here
        self.replaced += int(wrong.sum())
        numbers = np.where(wrong, np.nan, numbers)
        self.missing += int(np.isnan(numbers).sum())
        self.codes.add(numbers)
        self._low = np.fmin.reduce(numbers, initial=self._low)
        self._high = np.fmax.reduce(numbers, initial=self._high)
        stored = pa.array(numbers.astype(np.float32), from_pandas=True)  # NaN is null
        return stored, keys_of_numbers(numbers)


class FeatureInput(Input):
    """A row of a matrix, or none; two equal rows of the matrix count as one."""

    def __init__(self, field: Field, width: int, row_keys: Keys) -> None:
        super().__init__(field, pa.int32())
        self.width, self._keys = width, row_keys

    def read(self, column: pa.Array) -> tuple[pa.Array, Keys]:
        """Return rows of the matrix; `DataError` if it has no such row."""
        size = len(self._keys)
        rows = pc.fill_null(column, -1).to_numpy(zero_copy_only=False)
        self.missing += column.null_count
        if len(rows) and not -1 <= rows.min() <= rows.max() < size:
            outside = rows[(rows < -1) | (rows >= size)][0]
            raise DataError(
                f"field {self.name!r}: row {outside} of its matrix, which has the rows 0 to "
                f"{size - 1}; the file of features belongs to another table"
            )
        keys = np.append(self._keys, np.uint64(0))[rows]  # -1 is the last one
        return column.cast(pa.int32()), keys


def inputs_of(
    kept: Sequence[Field],
    num_features: int,
    counts: IdCounts,
    row_keys: Mapping[str, tuple[int, Keys]],
) -> list[Input]:
    """Return the inputs of the kept fields.

    Args:
        kept: the fields.
        num_features: the modulus of the hash.
        counts: what counts the ids of all fields.
        row_keys: the width and keys of each matrix.
    """

    def made(field: Field) -> Input:
        match field.kind:
            case "numeric":
                return NumberInput(field)
            case "list":
                return ListInput(field, num_features, counts)
            case "features":
                return FeatureInput(field, *row_keys[field.name])
        return HashedInput(field, num_features, counts)

    return [made(field) for field in kept]


def input_layout(inputs: Sequence[Input]) -> InputLayout:
    """Return what the columns of the input files are, once all rows were read."""
    return InputLayout(
        singles=sum(type(item) is HashedInput for item in inputs),
        bags=tuple(
            Bag(name=item.name, length=item.longest)
            for item in inputs
            if isinstance(item, ListInput)
        ),
        numbers=tuple(
            Number(name=item.name, standardized=True, has_missing=item.missing > 0)
            for item in inputs
            if isinstance(item, NumberInput)
        ),
        features=tuple(
            FeatureBlock(name=item.name, width=item.width, has_missing=item.missing > 0)
            for item in inputs
            if isinstance(item, FeatureInput)
        ),
    )
