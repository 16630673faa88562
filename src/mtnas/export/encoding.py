"""How a row becomes the inputs of an exported program, as data (encoding.json), and doing it.

Shapes: B rows, C columns of ids, D numbers, W width of a block of features.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mtnas.data.engine.reading import BLANKS
from mtnas.data.prepare.hashing import hash_column
from mtnas.data.prepare.manifest import Bag, FeatureBlock, FieldSummary, InputLayout, TaskSummary
from mtnas.data.sources._tabular.values import FLAGS, POINT
from mtnas.data.sources.base import UNKNOWN
from mtnas.runtime.files import Json
from mtnas.runtime.record import Part
from mtnas.tasks.metrics import Kind

ENCODING, VOCABULARY = "encoding.json", "vocabulary.npy"
_LARGEST = float(np.finfo(np.float32).max)

Matrix = NDArray[np.float32]  # [K, W]
Arrays = dict[str, NDArray[Any]]  # by the name of an input of the program


class Hash(Part):
    """How a text becomes an id: a digest of `of`, as one number, modulo `modulus`."""

    function: str = "md5"
    of: str = "field=value"
    encoding: str = "utf-8"
    byte_order: str = "big"
    modulus: int
    missing: str = UNKNOWN  # what stands for a value that is missing or empty


class Texts(Part):
    """How a text is read: without `blanks` around it; `missing` if that is one of these texts.

    What matches a pattern of `rewritten` is replaced, before it is hashed: 3.0 by 3, True by true.
    """

    blanks: str = BLANKS
    missing: dict[str, tuple[str, ...]]  # by source; "" is the one of a dataset of one table
    rewritten: tuple[tuple[str, str], ...] = (
        (POINT, r"\1\2"),
        *((f"^{flag}$", flag.lower()) for flag in FLAGS),
    )


class EncodedField(Part):
    """An input field: its kind, the column or expression it is read from, what it means."""

    name: str
    kind: str
    column: str | None
    help: str


class EncodedNumber(Part):
    """A number; the program takes it as it is and standardises it by itself, model by model.

    A spread of None means that the number did not vary in training: the program takes it for 0.
    """

    name: str
    has_missing: bool  # in training: then the program is told by NaN where one is missing
    mean: tuple[float, ...] = ()  # of the training rows of every model
    spread: tuple[float | None, ...] = ()


class Output(Part):
    """A task, and the columns of predictions that are its own, in the order of the program."""

    task: str
    kind: Kind
    rule: str
    unit: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]


class Encoding(Part):
    """What encoding.json holds: from a row to inputs, and from outputs to tasks.

    A text is read by `texts`. Input `ids` has a column for each of `singles`, then for each place
    of `bags` (lists). A text is hashed; the place of its hash in `vocabulary` is the row of the
    embedding table. What is not there is `unseen`; `padding` fills up a list.
    """

    version: int = 1
    dataset: str
    title: str
    fields: tuple[EncodedField, ...]
    texts: Texts
    hash: Hash
    vocabulary: str = VOCABULARY
    unseen: int
    padding: int | None
    inputs: tuple[str, ...]
    singles: tuple[str, ...]
    bags: tuple[Bag, ...]
    numbers: tuple[EncodedNumber, ...]
    features: tuple[FeatureBlock, ...]
    outputs: tuple[Output, ...]
    sources: tuple[str, ...]
    computed: dict[str, str] = {}  # fields that are no plain columns of their name: what they are
    definition: Json | None  # the keys of the dataset's YAML file, if it has one

    @property
    def columns(self) -> list[str]:
        """Name the columns of predictions."""
        return [column for output in self.outputs for column in output.columns]


def singles_of(fields: Sequence[FieldSummary], layout: InputLayout) -> tuple[str, ...]:
    """Name the fields that are one id each, in the order of their columns."""
    others = {bag.name for bag in layout.bags}
    others |= {number.name for number in layout.numbers}
    others |= {block.name for block in layout.features}
    return tuple(field.name for field in fields if field.name not in others)


def outputs_of(tasks: Sequence[TaskSummary]) -> tuple[Output, ...]:
    """Return the outputs of tasks; their columns are those of a run's predictions."""
    return tuple(
        Output(
            task=task.name,
            kind=task.kind,
            rule=task.rule,
            unit=task.unit,
            classes=task.classes,
            columns=task.prediction_columns,
        )
        for task in tasks
    )


class RowEncoder:
    """Turns rows into the inputs of the program; counts what was not as in training."""

    def __init__(self, encoding: Encoding, folder: Path, matrices: Mapping[str, Matrix]) -> None:
        """Read the vocabulary in a folder; `matrices` [K, W] are those of fields of features."""
        self._encoding, self._matrices = encoding, matrices
        hashed = np.load(folder / encoding.vocabulary, allow_pickle=False)
        self._order = np.argsort(hashed)
        self._hashed = hashed[self._order]
        self.unseen: Counter[str] = Counter()  # values without an embedding, by field
        self.odd: Counter[str] = Counter()  # what else differs from training, by what it is

    def encode(self, batch: pa.RecordBatch) -> Arrays:
        """Return the inputs of some rows.

        A field that the rows do not have, because it is of another source, is missing.
        """
        encoding, found = self._encoding, Arrays()
        rows, given = batch.num_rows, dict(zip(batch.schema.names, batch.columns, strict=True))
        if encoding.singles or encoding.bags:
            singles = [self._single(name, given.get(name), rows) for name in encoding.singles]
            bags = [self._bag(bag, given.get(bag.name), rows) for bag in encoding.bags]
            parts = [*(ids[:, None] for ids in singles), *bags]
            found["ids"] = np.concatenate(parts, axis=1)
        if encoding.numbers:
            numbers = [self._number(item, given.get(item.name), rows) for item in encoding.numbers]
            found["numbers"] = np.stack(numbers, axis=1)
        for block in encoding.features:
            found[f"features_{block.name}"] = self._features(block, given.get(block.name), rows)
        return found

    def _single(self, field: str, column: pa.Array | None, rows: int) -> NDArray[np.int64]:
        text = pa.array([UNKNOWN] * rows) if column is None else column
        return self._rows_of(field, text)

    def _rows_of(self, field: str, text: pa.Array) -> NDArray[np.int64]:
        """Return the rows of the embedding table that belong to texts."""
        ids = hash_column(text, field, self._encoding.hash.modulus)
        place = np.searchsorted(self._hashed, ids)
        place[place == len(self._hashed)] = 0
        known = np.zeros(len(ids), bool) if not len(self._hashed) else self._hashed[place] == ids
        if lost := int((~known).sum()):
            self.unseen[field] += lost
        found = np.full(len(ids), self._encoding.unseen, np.int64)
        found[known] = self._order[place[known]]
        return found

    def _bag(self, bag: Bag, column: pa.Array | None, rows: int) -> NDArray[np.int64]:
        lists = pa.array([[UNKNOWN]] * rows) if column is None else column
        lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
        if cut := int((lengths > bag.length).sum()):
            self.odd[f"lists of {bag.name} longer than {bag.length}, which were cut"] += cut
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        ids = self._rows_of(bag.name, pc.list_flatten(lists))[within < bag.length]
        found = np.full((rows, bag.length), self._encoding.padding, np.int64)
        found[np.arange(bag.length) < np.minimum(lengths, bag.length)[:, None]] = ids
        return found

    def _number(
        self, item: EncodedNumber, column: pa.Array | None, rows: int
    ) -> NDArray[np.float32]:
        column = pa.nulls(rows, pa.float64()) if column is None else column
        exact = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        numbers = np.where(np.abs(exact) > _LARGEST, np.nan, exact).astype(np.float32)
        missing = int(np.isnan(numbers).sum())
        if missing and not item.has_missing:
            self.odd[f"numbers {item.name} missing, as in no training row; taken for the mean"] += (
                missing
            )
        return numbers

    def _features(
        self, block: FeatureBlock, column: pa.Array | None, rows: int
    ) -> NDArray[np.float32]:
        found = np.full((rows, block.width), np.nan, np.float32)
        if column is not None:
            places = pc.fill_null(column, -1).to_numpy(zero_copy_only=False)
            found[places >= 0] = self._matrices[block.name][places[places >= 0]]
        missing = int(np.isnan(found[:, 0]).sum())
        if missing and not block.has_missing:
            self.odd[f"features {block.name} missing, as in no training row; taken for 0"] += (
                missing
            )
        return found
