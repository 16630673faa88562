"""Score raw rows with an exported model, batch by batch."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from mtnas.data.sources._tabular.dataset import TabularDataset
from mtnas.export.encoding import ENCODING, VOCABULARY, Arrays, Encoding, RowEncoder
from mtnas.export.folder import PROGRAM, RECORD, ExportRecord, predict
from mtnas.export.rows import KEPT, rows_of
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.runtime.files import advising, atomic_path, read_json

_AT_ONCE = 8192  # rows; bounds the memory of the model


@dataclass(frozen=True)
class Scored:
    """How many rows were scored, and what was not as it should be."""

    rows: int
    not_read: Mapping[str, int]  # rows without a prediction, by reason
    unseen: Mapping[str, int]  # values without an embedding, by field
    odd: Mapping[str, int]  # by what it is
    warnings: Sequence[str] = field(default_factory=tuple)

    def lines(self) -> Iterator[str]:
        """Yield sentences for a reader."""
        yield f"Rows with predictions: {self.rows}"
        for reason, count in sorted(self.not_read.items()):
            yield f"Rows that could not be read, without a prediction: {count} ({reason})"
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

    `out` has the columns of `keep` and those of `Encoding.outputs`; the other arguments are those
    of `rows.rows_of`.

    Raises:
        ConfigError: no export, or an argument that does not suit it.
        RecordError: a file of the export was changed.
        DataError: the rows cannot be read as those of the dataset.
    """
    if out.suffix != ".parquet":
        raise ConfigError(
            f"--out {out}: predictions are Parquet; name a file that ends in .parquet"
        )
    encoding, program = read_export(folder)
    dataset = rows_of(encoding, files, source=source, features=features, joins=joins, keep=keep)
    encoder = RowEncoder(encoding, folder, _matrices(dataset, encoding))
    kept = [pa.field(column, pa.string()) for column in keep]
    schema = pa.schema([*kept, *(pa.field(name, pa.float64()) for name in encoding.columns)])
    rows = 0
    with atomic_path(out) as path, pq.ParquetWriter(path, schema) as writer:
        for batch in dataset.chunks(None):
            predicted_NO = _predicted(program, encoding, encoder.encode(batch))
            handed_on = [batch[KEPT.format(column=column)].cast(pa.string()) for column in keep]
            columns = [*handed_on, *(pa.array(column) for column in predicted_NO.T)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            rows += batch.num_rows
    odd = Counter({**dataset.replaced, **encoder.odd})
    odd.update({f"no partner in {join}": count for join, count in dataset.unmatched.items()})
    return Scored(rows, dataset.dropped, encoder.unseen, odd, tuple(dataset.warnings))


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
