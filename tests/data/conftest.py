"""A dataset that a test declares: its YAML file and its files."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mtnas.data import sources
from mtnas.runtime import plugins


@dataclass(frozen=True)
class Found:
    """What the rows of a dataset held, and what was counted."""

    columns: dict[str, list[Any]]
    dropped: Counter[str]
    replaced: Counter[str]
    unmatched: Counter[str]
    warnings: list[str]

    def rate(self, task: str) -> float:
        """Return the mean of a label over its labelled rows."""
        labels = [label for label in self.columns[task] if label is not None]
        return float(sum(labels) / len(labels))


Own = Callable[[str, Mapping[str, str | bytes]], Found]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Own:
    """Write the keys and the files of the dataset `mine`, and read it."""
    folder = tmp_path / "declared"
    folder.mkdir()
    monkeypatch.setattr(plugins, "DECLARED", folder)
    monkeypatch.chdir(tmp_path)

    def read(keys: str, files: Mapping[str, str | bytes]) -> Found:
        (folder / "mine.yaml").write_text(keys, encoding="utf-8")
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        dataset = sources.load("mine")
        batches = list(dataset.chunks(None))
        columns = pa.Table.from_batches(batches).to_pydict() if batches else {}
        counts = (dataset.dropped, dataset.replaced, dataset.unmatched, dataset.warnings)
        return Found(columns, *counts)

    return read
