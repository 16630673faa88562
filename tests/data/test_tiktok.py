"""The parser of TikTok's file: real rows, and all that can be wrong with a line or a file."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from mtnas.data import sources
from mtnas.data.prepare.table import prepare
from mtnas.runtime.errors import DataError
from tests.helpers.shared import real

FILE = "final_track2_train.txt"
LINES = (
    b"37448\t115\t567569\t44888\t42\t0\t0\t0\t1699\t43981\t53085738314\t9",
    b"8623\t-1\t1209192\t10098\t106\t1\t1\t0\t-1\t11996\t53086444998\t8",
    b"3218\t133\t3985\t47023\t158\t0\t1\t1\t-1\t24017\t53086416149\t7",
)
SOUND = b"".join(line + b"\n" for line in LINES)
WHOLE = "is not a whole number or -1"


def read(folder: Path, content: bytes) -> tuple[list[dict[str, object]], dict[str, int]]:
    """Return the rows that are kept, and how many are dropped by reason."""
    (folder / FILE).write_bytes(content)
    dataset = sources.load("tiktok")
    rows = [row for batch in dataset.chunks(folder) for row in batch.to_pylist()]
    return rows, {key.removeprefix(f"{FILE}: "): n for key, n in dataset.dropped.items()}


def changed(column: int, value: bytes, line: int = 0) -> bytes:
    """Return the sound lines with another value in one place."""
    cells = [text.split(b"\t") for text in LINES]
    cells[line][column] = value
    return b"".join(b"\t".join(row) + b"\n" for row in cells)


def test_columns_labels_and_missing_values(tmp_path: Path) -> None:
    rows, dropped = read(tmp_path, SOUND)
    assert rows[0] == {
        "user": "37448",
        "user_city": "115",
        "item": "567569",
        "author": "44888",
        "item_city": "42",
        "channel": "0",
        "music": "1699",
        "device": "43981",
        "duration": "9",
        "t0": 0,
        "t1": 0,
    }
    assert (rows[1]["user_city"], rows[1]["music"]) == ("unknown", "unknown")
    assert [(row["t0"], row["t1"]) for row in rows] == [(0, 0), (1, 0), (1, 1)]
    assert not dropped


def test_real_rows(tmp_path: Path) -> None:
    rows, dropped = read(tmp_path, real("tiktok/byterec_sample.txt").read_bytes())
    assert len(rows) == 200
    assert not dropped
    assert sum(row["t0"] == 1 for row in rows) == 76
    assert sum(row["t1"] == 1 for row in rows) == 7
    assert sum(row["music"] == "unknown" for row in rows) == 124


BROKEN_ROWS = {
    "a column missing": (SOUND.replace(b"\t9\n", b"\n"), "not 12 columns"),
    "a column too many": (SOUND.replace(b"\t9\n", b"\t9\t1\n"), "not 12 columns"),
    "invalid UTF-8": (changed(0, b"\xff\xfe"), f"uid {WHOLE}"),
    "a NUL": (changed(2, b"12\x003"), f"item_id {WHOLE}"),
    "a quote": (changed(2, b'"12'), f"item_id {WHOLE}"),
    "a blank": (changed(2, b" 12"), f"item_id {WHOLE}"),
    "no value": (changed(3, b""), f"author_id {WHOLE}"),
    "a fraction": (changed(11, b"9.0"), f"video_duration {WHOLE}"),
    "an exponent": (changed(9, b"1e5"), f"did {WHOLE}"),
    "hexadecimal digits": (changed(8, b"0x1F"), f"music_id {WHOLE}"),
    "Arabic digits": (changed(8, "١٢".encode()), f"music_id {WHOLE}"),
    "below -1": (changed(4, b"-2"), f"item_city {WHOLE}"),
    "a number of a thousand digits": (changed(5, b"1" * 1000), f"channel {WHOLE}"),
    "a label that is 2": (changed(6, b"2"), "finish is not 0 or 1"),
    "a label that is missing": (changed(7, b"-1"), "like is not 0 or 1"),
    "a label with a fraction": (changed(7, b"1.0"), "like is not 0 or 1"),
    "two faults": (changed(7, b"x", 0).replace(b"37448", b"x"), f"uid {WHOLE}"),
}
ADDED_ROWS = {
    "a header": (b"uid" + b"\tname" * 11 + b"\n" + SOUND, f"uid {WHOLE}"),
    "an empty line": (SOUND + b"\n", f"uid {WHOLE}"),
    "a line of text": (SOUND + b"the end\n", "not 12 columns"),
}


@pytest.mark.parametrize("case", BROKEN_ROWS)
def test_a_broken_row_is_counted_and_takes_no_other_along(tmp_path: Path, case: str) -> None:
    content, reason = BROKEN_ROWS[case]
    rows, dropped = read(tmp_path, content)
    assert [row["user"] for row in rows] == ["8623", "3218"]
    assert dropped == {reason: 1}


@pytest.mark.parametrize("case", ADDED_ROWS)
def test_a_line_that_is_no_row_is_counted(tmp_path: Path, case: str) -> None:
    content, reason = ADDED_ROWS[case]
    rows, dropped = read(tmp_path, content)
    assert len(rows) == 3
    assert dropped == {reason: 1}


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + SOUND, SOUND.replace(b"\n", b"\r\n"), changed(10, b"later")]
)
def test_what_changes_nothing(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content) == read(tmp_path, SOUND)


FRACTION = LINES[0].replace(b"567569", b"7.5") + b"\n"
REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "commas": (
        lambda p: p.write_bytes(SOUND.replace(b"\t", b",")),
        "3 of 3 rows cannot be read .mostly: not 12 columns.; the first is '37448,.*; place",
    ),
    "most lines broken": (
        lambda p: p.write_bytes(SOUND + b"1\tx\n" * 4),
        r"4 of 7 rows cannot be read .mostly: not 12 columns.; the first is '1\\tx'; place",
    ),
    "most values no numbers": (
        lambda p: p.write_bytes(SOUND + FRACTION * 4),
        "4 of 7 rows cannot be read .mostly: item_id is not .*; the first is '7.5'; p",
    ),
    "UTF-16": (lambda p: p.write_bytes(SOUND.decode().encode("utf-16")), "no rows|does not end"),
    "empty": (lambda p: p.write_bytes(b""), "no rows; dropped: none"),
    "cut in a line": (lambda p: p.write_bytes(SOUND[:-4]), "does not end, .*cut short; place"),
    "no end of the last line": (lambda p: p.write_bytes(SOUND[:-1]), "does not end, .*as a whole"),
    "one class": (
        lambda p: p.write_bytes((LINES[0] + b"\n") * 9),
        "label t0 .* is 0 in all 9 rows",
    ),
    "a line of 20 MB": (
        lambda p: p.write_bytes(b"1" * 20_000_000 + b"\n"),
        "not lines of 12 .*place",
    ),
    "a folder": (lambda p: p.mkdir(), "missing file of dataset 'tiktok'; place"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_used_is_one_error_and_leaves_nothing(
    tmp_path: Path, case: str
) -> None:
    make, message = REFUSED[case]
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    make(raw / FILE)
    with pytest.raises(DataError, match=message):
        prepare({"dataset": "tiktok"}, table=out / "t.parquet", manifest=out / "t.json", raw=raw)
    assert not out.exists() or not list(out.iterdir())


def test_blocks_do_not_cut_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_bytes(SOUND * 50)
    dataset = sources.load("tiktok")
    whole = pa.Table.from_batches(list(dataset.chunks(tmp_path)))
    monkeypatch.setattr("mtnas.data.sources.tiktok._BLOCK", 256)
    batches = list(dataset.chunks(tmp_path))
    assert len(batches) > 10
    assert pa.Table.from_batches(batches).equals(whole)


@pytest.mark.parametrize("junk", [b"no tabs\n", b"x" + b"\tx" * 11 + b"\n", b"\n"])
def test_blocks_without_a_sound_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, junk: bytes
) -> None:
    monkeypatch.setattr("mtnas.data.sources.tiktok._BLOCK", 256)
    rows, dropped = read(tmp_path, junk * 500 + SOUND * 200 + junk * 500 + SOUND * 200)
    assert len(rows) == 1200
    assert sum(dropped.values()) == 1000


def test_dropped_rows_are_counted_once_per_reading(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(SOUND + b"broken\n")
    dataset = sources.load("tiktok")
    for _ in range(2):
        assert sum(batch.num_rows for batch in dataset.chunks(tmp_path)) == 3
    assert sum(dataset.dropped.values()) == 1
