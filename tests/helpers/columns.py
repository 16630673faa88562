"""A dataset that is columns in memory, of any kind, for tests of how a table is prepared."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mtnas.data import sources
from mtnas.data.prepare.store import Table, read_compact
from mtnas.data.prepare.table import prepare
from mtnas.data.sources import base
from mtnas.data.sources.base import Field, Task

TYPES = {
    "numeric": pa.float64(),
    "list": pa.list_(pa.string()),
    "features": pa.int64(),
    "binary": pa.int8(),
    "multiclass": pa.string(),
    "regression": pa.float64(),
}


class Columns(base.Dataset):
    """Columns by name, in chunks of `size` rows; `fields` and `tasks` are kinds by name."""

    name, title, needs_raw = "columns", "Columns", False
    num_features, split = 1000, (0.6, 0.2, 0.2)

    def __init__(
        self,
        columns: Mapping[str, Any],
        fields: Mapping[str, str],
        tasks: Mapping[str, str | Task],
        size: int = 7,
        **own: Any,
    ) -> None:
        super().__init__()
        self.columns, self.size = columns, size
        self.fields = tuple(Field(name, name, kind, "a field") for name, kind in fields.items())
        self.tasks = tuple(
            task if isinstance(task, Task) else Task(name, name, f"its {name}", kind=task)  # type: ignore[arg-type]
            for name, task in tasks.items()
        )
        self.own = {"dropped": {}, "matrices": {}, **own}
        for key, value in own.items():
            if key not in ("dropped", "matrices"):
                setattr(self, key, value)

    def sources(self, raw: Path | None) -> list[Path]:
        return []

    def matrices(self, raw: Path | None) -> Mapping[str, Any]:
        return self.own["matrices"]

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        kinds = {field.name: field.kind for field in self.fields}
        kinds |= {task.name: task.kind for task in self.tasks}
        more = {"source": pa.int8(), "split": pa.int8()}
        types = {name: TYPES.get(kinds.get(name, ""), pa.string()) for name in self.columns}
        types |= {name: kind for name, kind in more.items() if name in self.columns}
        self.dropped.clear()
        self.dropped.update(self.own["dropped"])
        arrays = {name: pa.array(values, types[name]) for name, values in self.columns.items()}
        yield from pa.table(arrays).to_batches(self.size)


def prepared(
    dataset: base.Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch, **spec: Any
) -> Table:
    """Prepare a dataset in a folder and read it as training does."""
    monkeypatch.setattr(sources, "load", lambda *_, **__: dataset)
    files = {"table": folder / "t.parquet", "manifest": folder / "t.json"}
    prepare({"dataset": "columns", **spec}, **files)
    return read_compact(**{"parquet": files["table"], "manifest": files["manifest"]})


def alternating(rows: int) -> list[int]:
    """Return a sound binary label."""
    return [row % 2 for row in range(rows)]


def matrix(rows: int, width: int = 3) -> Any:
    """Return a matrix of features, other numbers in every row."""
    return np.arange(rows * width, dtype=np.float32).reshape(rows, width)
