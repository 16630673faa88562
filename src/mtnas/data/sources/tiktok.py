"""TikTok (ByteDance, ICME 2019 short video understanding, track 2): 19,622,340 views of videos.

One file without a header, tab separated, 12 whole numbers a line; -1 stands for a missing one. The
file is streamed block by block: memory does not grow with its length. A broken line is counted by
its reason and takes no neighbour along.

D6: the paper gives 9 as the number of fields, not which. Ours are the ten features of the file
without the time of creation.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from mtnas.data.safeguards import Lines
from mtnas.data.sources import base
from mtnas.data.sources.base import REPORTED, Download, Field, Task
from mtnas.runtime.errors import DataError

TITLE = "TikTok"  # what tables and figures call it

_FILE = "final_track2_train.txt"
_COLUMNS = (
    "uid",
    "user_city",
    "item_id",
    "author_id",
    "item_city",
    "channel",
    "finish",
    "like",
    "music_id",
    "did",
    "creat_time",
    "video_duration",
)
_LABELS = ("finish", "like")
_BLOCK = 8 << 20  # bytes read at once, about 130,000 lines; a longer line is refused
_LONGEST = 18  # digits of a whole number: what fits into 64 bits
_MISSING = "-1"
_PLACE = "place the file of the competition there"


class Dataset(base.Dataset):
    """Placed by hand: the competition's file of training rows."""

    name = "tiktok"
    title = "TikTok (ICME 2019 short video understanding, track 2)"
    num_features = 4_000_000
    split = (15_697_872, 1_962_234, 1_962_234)  # the paper's Table 1
    needs_raw = True
    downloads = (
        Download(
            _FILE,
            by_hand="sign up for the ICME 2019 short video understanding challenge, track 2, at "
            "https://www.biendata.xyz/competition/icmechallenge2019/ and download the training "
            "file; the competition does not let others pass it on",
        ),
    )
    fields = (
        Field("user", "uid", "id", "the viewer: who finishes or likes many videos"),
        Field("user_city", "user_city", "category", "city of the viewer: place and language"),
        Field("item", "item_id", "id", "the video that is shown"),
        Field("author", "author_id", "id", "who made the video; links videos that are rare"),
        Field("item_city", "item_city", "category", "city of the video: near the viewer or not"),
        Field("channel", "channel", "category", "where in the app the video is shown"),
        Field("music", "music_id", "id", "music of the video, unknown for most; links videos"),
        Field("device", "did", "id", "the viewer's device: links accounts, splits shared ones"),
        Field(
            "duration",
            "video_duration",
            "category",
            "length in seconds: a short one is watched to its end",
        ),
    )
    tasks = (  # D7
        Task("t0", "finish", "finish == 1: the viewer watches to the end", metrics=REPORTED),
        Task("t1", "like", "like == 1: the viewer likes the video", metrics=REPORTED),
    )

    def sources(self, raw: Path | None) -> list[Path]:
        """Return the file of training rows."""
        return self.raw_files(raw, [_FILE])

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield the views in the order of the file."""
        (path,) = self.sources(raw)
        self.count_anew()
        _check_end(path)
        lines = Lines(path, self.dropped, _PLACE)
        try:
            for block in _blocks(lines):
                rows = _sound(block, lines)
                if rows.num_rows:
                    columns = {field.name: _present(rows[field.column]) for field in self.fields}
                    yield self.batch(columns, [pc.equal(rows[name], "1") for name in _LABELS])
            lines.end()
        except pa.ArrowInvalid as error:
            what = str(error).splitlines()[0]
            raise DataError(
                f"{path}: not lines of {len(_COLUMNS)} values: {what}; {_PLACE}"
            ) from None


def _blocks(lines: Lines) -> Iterator[pa.RecordBatch]:
    """Yield the lines that have the right number of columns, as text."""

    def count(row: csv.InvalidRow) -> str:
        lines.add(f"not {len(_COLUMNS)} columns", row.text or "")
        return "skip"

    if lines.file.stat().st_size == 0:
        return
    used = [name for name in _COLUMNS if name != "creat_time"]
    yield from csv.open_csv(
        lines.file,
        read_options=csv.ReadOptions(column_names=_COLUMNS, block_size=_BLOCK, use_threads=False),
        parse_options=csv.ParseOptions(
            delimiter="\t",
            quote_char=False,
            ignore_empty_lines=False,  # they would be dropped without being counted
            invalid_row_handler=count,
        ),
        convert_options=csv.ConvertOptions(
            include_columns=used,
            column_types=dict.fromkeys(used, pa.string()),
            check_utf8=False,
        ),
    )


def _sound(block: pa.RecordBatch, lines: Lines) -> pa.RecordBatch:
    """Return the rows of whole numbers; count every other one by its first fault."""
    sound = np.ones(block.num_rows, bool)
    for name in block.schema.names:
        still = sound & _is_sound(name, block[name]).to_numpy(zero_copy_only=False)
        wrong = sound & ~still
        if wrong.any():
            rule = "0 or 1" if name in _LABELS else "a whole number or -1"
            value = block[name].filter(pa.array(wrong))[0].cast(pa.binary()).as_py()
            text = value.decode("utf-8", "replace")
            lines.add(f"{name} is not {rule}", text, int(wrong.sum()))
        sound = still
    rows = block.filter(pa.array(sound))
    lines.read += rows.num_rows
    return rows


def _is_sound(name: str, column: pa.Array) -> pa.Array:
    """Return which values are what their column needs."""
    if name in _LABELS:
        return pc.is_in(column, pa.array(["0", "1"]))
    short = pc.less_equal(pc.binary_length(column), _LONGEST)
    return pc.and_(pc.or_(pc.ascii_is_decimal(column), pc.equal(column, _MISSING)), short)


def _present(column: pa.Array) -> pa.Array:
    """Return text with null for -1."""
    return pc.if_else(pc.equal(column, _MISSING), pa.scalar(None, pa.string()), column)


def _check_end(path: Path) -> None:
    """Refuse a file that ends within a line: a part of it would be taken for the whole."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 1, 0))
        if size and file.read(1) != b"\n":
            raise DataError(
                f"{path}: the last line does not end, so the file is probably cut short; {_PLACE} "
                "as a whole, or end its last line if nothing is missing"
            )
