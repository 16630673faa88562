"""Score raw rows with an exported model, batch by batch."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from mtnas.data.engine.reading import AS_WRITTEN
from mtnas.data.sources._tabular.dataset import UNREAD, TabularDataset
from mtnas.export.encoding import ENCODING, VOCABULARY, Arrays, Encoding, RowEncoder
from mtnas.export.folder import PROGRAM, RECORD, ExportRecord, predict
from mtnas.export.rows import rows_of
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.runtime.files import advising, atomic_path, read_json

_AT_ONCE = 8192  # rows; bounds the memory of the model


@dataclass(frozen=True)
class Scored:
    """How many rows were scored, and what was not as it should be."""

    rows: int  # with a prediction
    unread: int  # rows of which a value could not be read: their predictions are null
    not_read: Mapping[str, int]  # broken rows, which `out` does not have, by reason
    unseen: Mapping[str, int]  # values without an embedding, by field
    odd: Mapping[str, int]  # by what it is
    warnings: Sequence[str] = field(default_factory=tuple)

    def lines(self) -> Iterator[str]:
        """Yield sentences for a reader."""
        yield f"Rows with predictions: {self.rows}"
        if self.unread:
            what = "Rows with a value that could not be read, predictions null"
            yield f"{what}: {self.unread}"
        for reason, count in sorted(self.not_read.items()):
            yield f"Broken rows, left out: {count} ({reason})"
        for name, count in self.unseen.items():
            yield f"Values of {name} that the data of the model did not hold: {count}"
        for what, count in sorted(self.odd.items()):
            yield f"{what[0].upper()}{what[1:]}: {count}"
        yield from self.warnings


def score(
    folder: Path,
    files: Sequence[Path],
    out: Path,
    *,
    source: str | None = None,
    features: Mapping[str, Path] | None = None,
    joins: Mapping[str, Path] | None = None,
    keep: Sequence[str] = (),
) -> Scored:
    """Write the predictions of the rows of some files, in their order; return what was counted.

    A row of which a value cannot be read has null for predictions; a broken one is left out.

    `out` has the columns of `keep` and those of `Encoding.outputs`; the other arguments are those
    of `rows.rows_of`.

    Raises:
        ConfigError: no export, or an argument that does not suit it.
        RecordError: a file of the export was changed.
        DataError: the rows cannot be read as those of the dataset.
    """
    if out.suffix != ".parquet":
        raise ConfigError(f"--out {out}: predictions are Parquet; name it *.parquet")
    encoding, program = read_export(folder)
    keep = tuple(dict.fromkeys(keep))
    if taken := [column for column in keep if column in encoding.columns]:
        raise ConfigError(f"--keep {taken[0]}: predictions have this name; rename the column")
    dataset = rows_of(encoding, files, source=source, features=features, joins=joins, keep=keep)
    encoder = RowEncoder(encoding, folder, _matrices(dataset, encoding))
    scored = (_scored(program, encoder, encoding, b, keep) for b in _batches(dataset))
    with atomic_path(out) as path:
        rows, predicted = _write(scored, path)
        if not predicted:
            raise DataError(_none_read(files, dataset))
    odd = Counter({**dataset.replaced, **encoder.odd})
    odd.update({f"no partner in {join}": count for join, count in dataset.unmatched.items()})
    told = (dataset.dropped, encoder.unseen, odd, tuple(dataset.warnings))
    return Scored(predicted, rows - predicted, *told)


def _write(scored: Iterable[tuple[pa.RecordBatch, int]], path: Path) -> tuple[int, int]:
    """Write rows; return how many there are, and how many have a prediction."""
    rows = predicted = 0
    with ExitStack() as stack:
        writer = None
        for batch, count in scored:
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(path, batch.schema))
            writer.write_batch(batch)
            rows, predicted = rows + batch.num_rows, predicted + count
    return rows, predicted


def _batches(dataset: TabularDataset) -> Iterator[pa.RecordBatch]:
    """Yield the rows; an error says which columns are needed."""
    (source,) = dataset.keys.sources.values()
    try:
        yield from dataset.chunks(None)
    except DataError as error:
        columns = ", ".join(source.of_first_table(dataset.keys.split))
        raise DataError(
            f"{error}; rows to be scored need the columns {columns}, written as in the files that "
            "the model was trained on"
        ) from None


def _none_read(files: Sequence[Path], dataset: TabularDataset) -> str:
    """Say why no row has a prediction."""
    why = "; ".join(dataset.warnings) or "there is none"
    return (
        f"{', '.join(map(str, files))}: no row can be scored: {why}; write the values as in the "
        "files that the model was trained on"
    )


def _scored(
    program: torch.nn.Module,
    encoder: RowEncoder,
    encoding: Encoding,
    batch: pa.RecordBatch,
    keep: Sequence[str],
) -> tuple[pa.RecordBatch, int]:
    """Return kept columns and predictions, null in rows that could not be read, and how many have
    one.
    """
    unread = batch[UNREAD].to_numpy(zero_copy_only=False)
    predicted_NO = np.full((batch.num_rows, len(encoding.columns)), np.nan)
    if not unread.all():
        sound = batch.filter(pc.invert(batch[UNREAD]))
        predicted_NO[~unread] = _predicted(program, encoding, encoder.encode(sound))
    kept = [_as_written(batch[AS_WRITTEN + column]) for column in keep]
    columns = [*kept, *(pa.array(column, mask=unread) for column in predicted_NO.T)]
    found = pa.RecordBatch.from_arrays(columns, names=[*keep, *encoding.columns])
    return found, int((~unread).sum())


def _as_written(column: pa.Array) -> pa.Array:
    """Return a column that is handed on; an empty text is null."""
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, ""), None, column)


def read_export(folder: Path) -> tuple[Encoding, torch.nn.Module]:
    """Read an export; what is used of it must be as it was written."""
    if not (folder / RECORD).is_file():
        raise ConfigError(
            f"{folder}: no {RECORD}; name a folder that `mtnas export RUN --out FOLDER` has written"
        )
    with advising("export the run again"):
        record = ExportRecord.read(folder / RECORD)
        for name in (PROGRAM, ENCODING, VOCABULARY):
            record.check(folder / name)
        encoding = Encoding.model_validate(read_json(folder / ENCODING))
    return encoding, torch.export.load(folder / PROGRAM).module()


def _matrices(dataset: TabularDataset, encoding: Encoding) -> dict[str, np.memmap]:
    """Return the features of the rows by field; `DataError` if they are of another width."""
    found = dataset.matrices(None)
    for block in encoding.features:
        width = found[block.name].shape[1] if block.name in found else block.width
        if width != block.width:
            raise DataError(
                f"field {block.name!r}: {width} features a row, the model was trained with "
                f"{block.width}; give the file that the same encoder has made"
            )
    return found


def _predicted(program: torch.nn.Module, encoding: Encoding, arrays: Arrays) -> np.ndarray:
    """Return predictions [B, O], some rows at a time."""
    tensors = [torch.from_numpy(arrays[name]) for name in encoding.inputs]
    pieces = zip(*(torch.split(tensor, _AT_ONCE) for tensor in tensors), strict=True)
    return np.concatenate([predict(program, piece) for piece in pieces])
