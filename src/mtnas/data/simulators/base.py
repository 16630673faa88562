"""Simulated raw files (V14): look-alikes of a source in its exact format, for runs without it.

Planted: the number of rows, the rates of the labels and their correlations as in the paper; power
laws of users and items; labels that depend on user, item, the groups of items and latent tastes,
related between the tasks; broken lines where the real files have some. Not planted, so nothing can
be learned about it: which sharing route is good, how well any method does, anything about real
users, dates, texts and values in between (ratings other than those that make a label are drawn
blindly), the order of rows, that a user meets an item once only.

The same rows, code and version of numpy give the same files.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data import simulators
from mtnas.data.sources.base import MARKER
from mtnas.runtime.files import write_json

SEED = 0
CHUNK_ROWS = 250_000  # bounds the memory of everything that streams
NOTE = "SIMULATED DATA: every file in this folder was made by a generator; nothing was measured."


@dataclass(frozen=True)
class Planted:
    """What was put into the files: label rates, correlations, broken lines by file."""

    label_rates: Mapping[str, float]
    label_pcc: Mapping[str, float]
    broken_lines: Mapping[str, int]


class Simulator(ABC):
    """Writes the raw files of one dataset."""

    dataset: ClassVar[str]

    @abstractmethod
    def write(self, folder: Path, rows: int) -> Planted:
        """Write all raw files with `rows` sound rows of examples."""


def simulate(spec: Mapping[str, Any], folder: str | Path) -> None:
    """Write the simulated raw files of a dataset into a new folder, with a marker.

    Args:
        spec: `dataset` and `rows` (sound rows of examples).
        folder: replaced as a whole, when all files are written.
    """
    folder = Path(folder)
    simulator = simulators.load(spec["dataset"], where="simulate: dataset")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        written = Path(temporary) / folder.name
        written.mkdir()
        planted = simulator.write(written, spec["rows"])
        versions = {name: version(name) for name in ("mtnas", "numpy", "pyarrow")}
        marker = {"note": NOTE, **spec, "planted": asdict(planted), "versions": versions}
        write_json(written / MARKER, marker)
        rmtree(folder, ignore_errors=True)
        written.rename(folder)


def generator() -> np.random.Generator:
    """Return the stream that a world is drawn from."""
    return np.random.default_rng([SEED, 0])


def chunks(rows: int) -> Iterator[tuple[int, np.random.Generator]]:
    """Yield the number of rows of every chunk, and a stream of its own."""
    for number, start in enumerate(range(0, rows, CHUNK_ROWS), 1):
        yield min(CHUNK_ROWS, rows - start), np.random.default_rng([SEED, number])


def lines(*parts: str | pa.Array) -> bytes:
    """Return one line of text for each row: columns with fixed text around them."""
    columns = [part if isinstance(part, str) else part.cast(pa.string()) for part in parts]
    joined = pc.binary_join_element_wise(*columns, "")  # the last one is put between all others
    offsets = np.frombuffer(joined.buffers()[1], np.int32, len(joined) + 1)
    return bytes(joined.buffers()[2][int(offsets[0]) : int(offsets[-1])])
