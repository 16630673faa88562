"""Simulated studies: what was planted and what came of it (record.json beside results.csv)."""

from pathlib import Path
from typing import Literal

import pandas as pd

from mtnas.evidence.records import Git, read_table
from mtnas.runtime.files import Json, broken
from mtnas.runtime.record import Record
from mtnas.runtime.usage import Traced

FIRST = ("study", "simulated", "seed")  # columns of results.csv, around those of the study
LAST = ("metric", "value")
Line = dict[str, str | float]  # of results.csv: settings, metric, value


class SimulatedStudyRecord(Record, Traced):
    """A record of a simulated study: what was drawn, and what its columns and metrics mean."""

    study: str
    title: str
    simulated: Literal[True] = True
    seeds: tuple[int, ...]
    options: Json
    settings: dict[str, str]  # meaning by column
    metrics: dict[str, str]  # meaning by name
    rows: int
    seconds: float
    environment: dict[str, str | int | None]
    git: Git
    code: str | None = None  # fingerprint of the library code
    command: str | None = None  # that published it


def read(folder: str | Path) -> tuple[SimulatedStudyRecord, pd.DataFrame]:
    """Read what a simulated study left in its folder: its record, and its results, tidy.

    Raises:
        RecordError: a file is missing, was changed after it was written, or is not what it should
            be.
    """
    path = Path(folder, "results.csv")
    record = SimulatedStudyRecord.read(Path(folder, "record.json"))
    record.check(path)
    results = read_table(path)
    if list(results.columns) != [*FIRST, *record.settings, *LAST] or len(results) != record.rows:
        raise broken(path, "its columns or rows are not those of its record")
    return record, results
