"""Rows per second of hashing, of the whole preparation, and of reading a prepared table; of others.

The columns are drawn as click logs have them: few values are frequent, most are rare.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray
from sklearn.feature_extraction import FeatureHasher

from benchmarks.harness import ratio, spread
from benchmarks.memory import peak
from benchmarks.outcome import Outcome, Settings
from mtnas.data import sources
from mtnas.data.prepare.hashing import DistinctValues, hash_column
from mtnas.data.prepare.store import read_compact
from mtnas.data.prepare.table import prepare
from mtnas.data.sources._tabular import dataset as own
from mtnas.data.sources.base import BATCH_ROWS, Dataset, Field, Task
from mtnas.training.data import Examples

ROWS, QUICK_ROWS = 1_000_000, 50_000
OF_MEMORY, QUICK_OF_MEMORY = (500_000, 4_000_000), (20_000,)  # rows of simulated TikTok
SAMPLE = 10  # the slow ones get one row in ten
NUM_FEATURES = 1_000_000
DISTINCT = np.geomspace(10, 300_000, 15).astype(int)  # possible values of each field
NAMES = tuple(f"f{number}" for number in range(len(DISTINCT)))
RAW = "rows.parquet"
CSV = "rows.csv"

Columns = Mapping[str, Sequence[str]]


class Simulated(Dataset):
    """Rows of text that lie ready in a Parquet file."""

    name = "simulated"
    title = "simulated columns of text"
    simulated = True
    num_features = NUM_FEATURES
    fields = tuple(Field(name, name, "category", "simulated") for name in NAMES)
    tasks = (Task("t0", "t0", "simulated"), Task("t1", "t1", "simulated"))
    split = (0.7, 0.15, 0.15)
    needs_raw = True

    def sources(self, raw: Path | None) -> list[Path]:
        return self.raw_files(raw, [RAW])

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        (path,) = self.sources(raw)
        # Values that lie there encoded are hashed as such; the copy is slower with it.
        yield from pq.ParquetFile(path, read_dictionary=NAMES).iter_batches(BATCH_ROWS)


@dataclass(frozen=True)
class Data:
    """The same rows in every form that a contender starts from."""

    folder: Path
    batches: Sequence[pa.RecordBatch]
    sample: Columns  # Python strings

    @classmethod
    def simulate(cls, folder: Path, rows: int) -> "Data":
        """Draw the rows and write them as text."""
        drawn = _draw(rows)
        pq.write_table(drawn, folder / RAW, compression="zstd")
        pyarrow.csv.write_csv(drawn, folder / CSV)
        for file in (RAW, CSV):
            keys = {"path": str(folder / file), "fields": [*NAMES], "tasks": ["t0 = 1", "t1 = 1"]}
            _definition(folder, file).write_text(yaml.safe_dump(keys))
        batches = list(Simulated().chunks(folder))
        first = pa.Table.from_batches(batches).slice(0, rows // SAMPLE)
        return cls(folder, batches, {name: first[name].to_pylist() for name in NAMES})

    @property
    def rows(self) -> int:
        return sum(batch.num_rows for batch in self.batches)

    @property
    def prepared(self) -> dict[str, Path]:
        return {"table": self.folder / "table.parquet", "manifest": self.folder / "manifest.json"}


@dataclass(frozen=True)
class Contender:
    """What is timed, and how many rows it works on."""

    name: str
    work: Callable[[], object]
    rows: int

    def rate(self) -> float:
        """Do the work once; return rows per second."""
        started = time.perf_counter()
        self.work()
        return self.rows / (time.perf_counter() - started)


HASHING, LOOP = "hashing columns (ours)", "md5 cell by cell, pure Python"
HASHER = "sklearn FeatureHasher (another hash)"
PREPARE = "whole preparation (ours): read, hash, split, write"
OWN_PARQUET = "the same, a dataset in YAML"
OWN_CSV = "the same, a dataset in YAML of a CSV"
COPY, COPY_CSV = "pyarrow: read and write Parquet", "pyarrow: read CSV, write Parquet"
PANDAS = "pandas: read Parquet, number the values of each column, write"
PANDAS_CSV = "pandas: the same of a CSV"
READY = "read a prepared table for training: ids memory-mapped, content checked"


def run(settings: Settings) -> Outcome:
    """Let the contenders take turns on one simulated table."""
    with TemporaryDirectory() as folder:
        data = Data.simulate(Path(folder), QUICK_ROWS if settings.quick else ROWS)
        _check_same_ids(data)
        measured = _alternate(_contenders(data), settings.turns["rounds"])
        distinct = sum(len(seen.ids) for seen in _hash(data.batches)[1].values())
    peaks = [*map(peak, QUICK_OF_MEMORY if settings.quick else OF_MEMORY)]
    print(f"memory: {'; '.join(map(str, peaks))}", flush=True)
    return Outcome(
        title=f"Preparing and reading {data.rows:,} rows of {len(NAMES)} columns of text",
        columns=("What", "rows/s, median", "min", "max"),
        rows=[(name, *spread(rates)) for name, rates in measured.items()],
        note=f"{distinct:,} different values in {data.rows * len(NAMES):,} cells; ours hashes each "
        f"value once per {BATCH_ROWS:,} rows, so it gains by repetition. The two that work cell by "
        f"cell get the first {data.rows // SAMPLE:,} rows, as Python strings. Preparing simulated "
        f"TikTok rows takes at most {', '.join(map(str, peaks))}.",
        ratios={
            "hashing_vs_per_cell_loop": ratio(measured[HASHING], measured[LOOP]),
            "prepare_vs_copy_without_hashing": ratio(measured[PREPARE], measured[COPY]),
            "prepare_vs_pandas": ratio(measured[PREPARE], measured[PANDAS]),
            "prepare_own_vs_copy": ratio(measured[OWN_PARQUET], measured[COPY]),
            "prepare_csv_vs_copy": ratio(measured[OWN_CSV], measured[COPY_CSV]),
            "prepare_csv_vs_pandas": ratio(measured[OWN_CSV], measured[PANDAS_CSV]),
        },
        measured={**measured, "memory": [entry._asdict() for entry in peaks]},
    )


def _contenders(data: Data) -> list[Contender]:
    """Name all contenders; the preparation stands before those that read its table."""
    rows, sample = data.rows, data.rows // SAMPLE
    return [
        Contender(HASHING, lambda: _hash(data.batches), rows),
        Contender(LOOP, lambda: _hash_cells(data.sample), sample),
        Contender(HASHER, lambda: _feature_hasher(data.sample), sample),
        Contender(OWN_CSV, lambda: _prepare_own(data, CSV), rows),
        Contender(COPY_CSV, lambda: _copy_csv(data.folder), rows),
        Contender(PANDAS_CSV, lambda: _pandas(data.folder, CSV), rows),
        Contender(OWN_PARQUET, lambda: _prepare_own(data, RAW), rows),
        Contender(PREPARE, lambda: _prepare(data), rows),
        Contender(COPY, lambda: _copy(data.folder), rows),
        Contender(PANDAS, lambda: _pandas(data.folder, RAW), rows),
        Contender(READY, lambda: _examples(data), rows),
    ]


def _alternate(contenders: Sequence[Contender], rounds: int) -> dict[str, list[float]]:
    """Return the rows per second of every round."""
    measured: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            rate = contender.rate()
            measured[contender.name].append(rate)
            print(f"round {number + 1}/{rounds}  {contender.name}: {rate:,.0f} rows/s", flush=True)
    return measured


def _draw(rows: int, seed: int = 0) -> pa.Table:
    """Draw values with frequency ~ 1/rank in every field, and two nested labels."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, distinct in zip(NAMES, DISTINCT, strict=True):
        rank = np.floor(distinct ** rng.random(rows)).astype(np.int64) - 1
        values = pa.array([f"value {number:07d}" for number in range(distinct)])
        columns[name] = values.take(pa.array(rank))
    score = rng.random(rows)
    labels = {"t0": (score < 0.4).astype(np.int8), "t1": (score < 0.1).astype(np.int8)}
    return pa.table({**columns, **labels})


def _hash(
    batches: Sequence[pa.RecordBatch],
) -> tuple[list[list[NDArray[np.int32]]], dict[str, DistinctValues]]:
    """Hash as `mtnas.data.prepare.table` does: chunk by chunk, counting different values."""
    seen = {name: DistinctValues() for name in NAMES}
    ids = [[hash_column(b[n], n, NUM_FEATURES, seen[n]) for n in NAMES] for b in batches]
    return ids, seen


def _hash_cells(columns: Columns) -> list[list[int]]:
    """Hash every cell by itself, the way the paper's formula reads."""
    return [
        [
            int.from_bytes(md5(f"{name}={value}".encode()).digest(), "big") % NUM_FEATURES
            for value in values
        ]
        for name, values in columns.items()
    ]


def _feature_hasher(columns: Columns) -> object:
    hasher = FeatureHasher(NUM_FEATURES, input_type="string", alternate_sign=False)
    return hasher.transform(
        [f"{name}={value}" for name, value in zip(columns, row, strict=True)]
        for row in zip(*columns.values(), strict=True)
    )


def _check_same_ids(data: Data) -> None:
    """Make sure that the loop does the same work as ours."""
    ours = [np.concatenate(parts) for parts in zip(*_hash(data.batches)[0], strict=True)]
    for ids, cells in zip(ours, _hash_cells(data.sample), strict=True):
        np.testing.assert_array_equal(ids[: len(cells)], cells)


def _prepare(data: Data, dataset: Callable[[], Dataset] = Simulated) -> None:
    """Call the stage itself; datasets are found by file name, and ours is none of them."""
    with patch.object(sources, "load", lambda *_, **__: dataset()):
        prepare({"dataset": Simulated.name}, raw=data.folder, **data.prepared)


def _prepare_own(data: Data, file: str) -> None:
    _prepare(data, lambda: own.load(Simulated.name, _definition(data.folder, file)))


def _definition(folder: Path, file: str) -> Path:
    return folder / f"{file}.yaml"


def _copy(folder: Path) -> None:
    """Move the same rows from file to file, compressed as our tables are."""
    source = pq.ParquetFile(folder / RAW)
    _write(folder, source.schema_arrow, source.iter_batches(BATCH_ROWS))


def _copy_csv(folder: Path) -> None:
    with pyarrow.csv.open_csv(folder / CSV) as reader:
        _write(folder, reader.schema, reader)


def _write(folder: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with pq.ParquetWriter(folder / "copy.parquet", schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _pandas(folder: Path, file: str) -> None:
    """Number the values as they come, as notebooks do: no ids that another table shares."""
    frame = pd.read_csv(folder / CSV) if file == CSV else pd.read_parquet(folder / RAW)
    for name in NAMES:
        frame[name] = pd.factorize(frame[name])[0].astype(np.int32)
    frame.to_parquet(folder / "pandas.parquet", compression="zstd", index=False)


def _examples(data: Data) -> Examples:
    return Examples.of(read_compact(data.prepared["table"], data.prepared["manifest"]))
