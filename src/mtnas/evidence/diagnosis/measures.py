"""What was measured of the tasks of a dataset beside their gains.

One folder per dataset: `measures.csv` (`MEASURE_COLUMNS`: of ordered pairs of tasks; a missing
value was not defined), `capacity.csv` (`CAPACITY_COLUMNS`: test scores of Share-Bottom at several
widths, of each task alone and of all together) and `record.json` (`MeasuresRecord`).
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mtnas.data.synthetic import SyntheticOptions
from mtnas.evidence.records import DataFacts, Git, Parameters
from mtnas.evidence.resampling import Resampling
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, advising, atomic_path, broken, remake
from mtnas.runtime.record import Part, Record
from mtnas.runtime.usage import Traced
from mtnas.study.specs import DiagnoseSpec
from mtnas.tasks.metrics import Kind

Line = tuple[str, str, str, str, float | None]  # measure, first, second, layer, value

MEASURE_COLUMNS = ("measure", "first", "second", "layer", "seed", "value")
CAPACITY_COLUMNS = ("width", "subset", "task", "seed", "metric", "value")
MEASURES_FILE, CAPACITY_FILE, RECORD_FILE = "measures.csv", "capacity.csv", "record.json"

# What each measure is; of ordered pairs, but for the last, which is of a task (first = second).
MEANINGS = {
    "phi": "correlation of the two labels, over rows that have both",
    "phi_attainable": "phi as a share of the largest that the base rates allow",
    "nested_given_first": "P(second = 1 | first = 1)",
    "theta_cosine": "cosine of what the inputs tell of the two labels, X'y",
    "gradient_cosine": "cosine of the gradients of the two losses, mean over a short run",
    "tag_affinity": "what a step for the first takes off the loss of the second, as a share",
    "svd_weight": "weight of the task by Algorithm 2: how far it lies along the shared directions",
}


class MeasuresTimings(Part):
    """How long it took to measure, in seconds, and on what."""

    total_seconds: float
    models_at_once: int
    device: str
    threads: int


class MeasuresRecord(Record, Traced):
    """A record of measures of tasks: what was measured, on what, by which code (record.json)."""

    spec: DiagnoseSpec
    simulated: bool
    synthetic: SyntheticOptions | None
    tasks: dict[str, Kind]
    parameters: Parameters
    options: Json  # of the method, widths solved
    data: DataFacts
    splits: dict[int, str]  # by seed: a short digest of its split
    timings: MeasuresTimings
    environment: dict[str, str | int | None]
    git: Git
    code: str | None = None  # fingerprint of the library code

    @property
    def resampling(self) -> Resampling:
        """Return how its seeds came to their rows."""
        drawn = self.synthetic is not None
        return self.data.resampling(drawn=drawn, fixed=self.spec.fixed_split)


@dataclass(frozen=True)
class Measures:
    """Measures of pairs of tasks and the capacity curve, with what made them."""

    frame: pd.DataFrame
    capacity: pd.DataFrame
    record: MeasuresRecord

    @classmethod
    def read(cls, folder: str | Path) -> "Measures":
        """Read one folder.

        Raises:
            RecordError: a file is missing or broken, or was changed after it was written.
        """
        place = Path(folder)
        record = MeasuresRecord.read(place / RECORD_FILE)
        frames = []
        for name, columns in ((MEASURES_FILE, MEASURE_COLUMNS), (CAPACITY_FILE, CAPACITY_COLUMNS)):
            path = place / name
            record.check(path)
            try:
                frame = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]})
            except ValueError as error:  # of pandas: empty, no table, no text
                raise broken(path, f"not a table ({error})") from None
            with advising(f"delete it and run `{remake(path)}`"):
                _check_columns(frame, columns, path)
            frames.append(frame)
        return cls(frames[0], frames[1], record)

    def write(self, measures: str | Path, capacity: str | Path, record: str | Path) -> None:
        """Write the files, each atomically, the record last."""
        for path, frame in ((measures, self.frame), (capacity, self.capacity)):
            with atomic_path(path) as temporary:
                frame.to_csv(temporary, index=False, float_format="%.10g")
        self.record.write(record, [measures, capacity])


def _check_columns(frame: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    if tuple(frame.columns) != columns:
        raise RecordError(f"{path}: columns {list(frame.columns)}, expected {list(columns)}")
