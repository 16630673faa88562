"""The parser of Goodreads' files: real lines, and everything that can be wrong with one."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from mtnas.data import sources
from mtnas.data.prepare.table import prepare
from mtnas.runtime.errors import DataError
from tests.helpers.shared import real

INTERACTIONS, BOOKS = "goodreads_interactions_poetry.json.gz", "goodreads_books_poetry.json.gz"
SHELF: dict[str, Any] = {
    "user_id": "80d52f5e70f023bd0098ab96599a3530",
    "book_id": "402128",
    "review_id": "fbd6a22a155c87a84fba7537f06cc94b",
    "is_read": True,
    "rating": 5,
    "review_text_incomplete": "Good.",
    "date_added": "Fri Apr 19 08:15:15 -0700 2013",
    "date_updated": "Fri Apr 19 08:15:15 -0700 2013",
    "read_at": "",
    "started_at": "",
}
OTHER = {**SHELF, "user_id": "other", "is_read": False, "rating": 0, "review_text_incomplete": ""}
BOOK: dict[str, Any] = {
    "book_id": "402128",
    "work_id": "372536",
    "authors": [
        {"author_id": "18540", "role": ""},
        {"author_id": "21578", "role": "Illustrator"},
    ],
    "series": ["77"],
    "title_without_series": "Old  Possum's\tBook ",
    "publisher": "Harcourt Brace",
    "publication_year": "1982",
    "language_code": "en-US",
    "format": "Hardcover",
    "is_ebook": "false",
    "num_pages": "56",
}


def pack(*lines: object) -> bytes:
    """Return a gzip file of lines: bytes as they are, anything else as JSON."""
    texts = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return gzip.compress(b"".join(text + b"\n" for text in texts))


def write(folder: Path, interactions: bytes, books: bytes) -> Path:
    (folder / INTERACTIONS).write_bytes(interactions)
    (folder / BOOKS).write_bytes(books)
    return folder


def read(raw: Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the rows that are kept, and how many lines are dropped by file and reason."""
    dataset = sources.load("goodreads")
    rows = [row for batch in dataset.chunks(raw) for row in batch.to_pylist()]
    return rows, dict(dataset.dropped)


def test_interactions_are_joined_with_books(tmp_path: Path) -> None:
    raw = write(tmp_path, pack(SHELF, {**OTHER, "book_id": "1"}), pack(BOOK))
    (first, second), dropped = read(raw)
    assert first == {
        "user": "80d52f5e70f023bd0098ab96599a3530",
        "book": "402128",
        "work": "372536",
        "author": "18540",
        "contributor": "21578 illustrator",
        "series": "77",
        "title": "old possum's book",
        "publisher": "harcourt brace",
        "year": "1982",
        "decade": "1980",
        "language": "en-us",
        "format": "hardcover",
        "ebook": "false",
        "pages": "50",
        "t0": 1,
        "t1": 1,
        "t2": 1,
        "grade": 5.0,
    }
    known = ("user", "book", "t0", "t1", "t2", "grade")
    assert {value for name, value in second.items() if name not in known} == {"unknown"}
    assert [second[name] for name in known] == ["other", "1", 0, 0, 0, 0.0]
    assert not dropped


def test_what_is_lost_in_the_join_and_in_books_is_counted(tmp_path: Path) -> None:
    shelves = (SHELF, OTHER, {**SHELF, "book_id": "404"})
    books = (BOOK, {**BOOK, "book_id": "2", "publication_year": "5", "num_pages": "many"})
    dataset = sources.load("goodreads")
    raw = write(tmp_path, pack(*shelves), pack(*books, {**BOOK, "book_id": "3"}))
    for _ in range(2):
        assert sum(batch.num_rows for batch in dataset.chunks(raw)) == 3
    assert dataset.unmatched == {"books": 1}
    assert dataset.replaced == {
        f"{BOOKS}: publication_year is no year from 1400 to 2018": 1,
        f"{BOOKS}: num_pages is no number of pages": 1,
    }


def test_labels_are_read_top_rating_and_review(tmp_path: Path) -> None:
    lines = [
        {**SHELF, "is_read": read, "rating": rating, "review_text_incomplete": review}
        for read, rating, review in (
            (True, 5, ""),
            (True, 4, "x"),
            (False, 0, "x"),
            (False, 5, ""),
            (True, 0, ""),
        )
    ]
    rows, dropped = read(write(tmp_path, pack(*lines), pack(BOOK)))
    labels = [(row["t0"], row["t1"], row["t2"], row["grade"]) for row in rows]
    assert labels == [(1, 1, 0, 5), (1, 0, 1, 4), (0, 0, 1, 0), (0, 1, 0, 5), (1, 0, 0, 0)]
    assert not dropped


def test_real_lines(tmp_path: Path) -> None:
    book, shelf, review = real("goodreads/schema_examples.jsonl").read_bytes().splitlines()
    rows, dropped = read(write(tmp_path, pack(shelf, review), pack(book)))
    assert [(row["t0"], row["t1"], row["t2"]) for row in rows] == [(1, 0, 0)]
    assert (rows[0]["work"], rows[0]["contributor"]) == ("372536", "21578 illustrator")
    assert dropped == {f"{INTERACTIONS}: no is_read": 1}  # a line of the file of reviews


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: entry for name, entry in value.items() if name != key}


BROKEN_INTERACTIONS = {
    "not JSON": (b"{'user_id': 1}", "not JSON"),
    "cut": (json.dumps(SHELF).encode()[:-20], "not JSON"),
    "an empty line": (b"", "not JSON"),
    "invalid UTF-8": (json.dumps(SHELF).encode().replace(b"Good", b"\xff\xfe"), "not JSON"),
    "a NUL": (json.dumps(SHELF).encode().replace(b"Good", b"\x00"), "not JSON"),
    "tabs for commas": (json.dumps(SHELF).encode().replace(b", ", b"\t"), "not JSON"),
    "nested without an end": (b"[" * 100_000, "not JSON"),
    "a number with too many digits": (b'{"rating": ' + b"1" * 5000 + b"}", "not JSON"),
    "a list": ([SHELF], "not a JSON object"),
    "a key is missing": (without(SHELF, "rating"), "no rating"),
    "a label as text": ({**SHELF, "is_read": "true"}, "is_read is not true or false"),
    "a label as a number": ({**SHELF, "is_read": 1}, "is_read is not true or false"),
    "a rating as text": ({**SHELF, "rating": "5"}, "rating is not a whole number"),
    "a rating with a fraction": ({**SHELF, "rating": 5.0}, "rating is not a whole number"),
    "a rating that is true": ({**SHELF, "rating": True}, "rating is not a whole number"),
    "not a number": ({**SHELF, "rating": float("nan")}, "rating is not a whole number"),
    "a rating too high": ({**SHELF, "rating": 6}, "rating is not from 0 to 5"),
    "no review text": (
        {**SHELF, "review_text_incomplete": None},
        "review_text_incomplete is not text",
    ),
    "an empty id": ({**SHELF, "user_id": ""}, "user_id is not letters and digits"),
    "half a character": ({**SHELF, "user_id": "\ud800"}, "user_id is not letters and digits"),
    "an id as a number": ({**SHELF, "book_id": 402128}, "book_id is not text"),
}
BROKEN_BOOKS = {
    "the same book again": ({**BOOK, "work_id": "1"}, "book_id for the second time"),
    "a key is missing": (without({**BOOK, "book_id": "2"}, "authors"), "no authors"),
    "a number as a number": ({**BOOK, "book_id": "2", "num_pages": 56}, "num_pages is not text"),
    "authors are names": (
        {**BOOK, "book_id": "2", "authors": ["Eliot"]},
        "authors is not a list of objects",
    ),
    "an author without an id": ({**BOOK, "book_id": "2", "authors": [{}]}, "no author_id"),
    "series is text": ({**BOOK, "book_id": "2", "series": "77"}, "series is not a list"),
    "not JSON": (b"{", "not JSON"),
}


@pytest.mark.parametrize("case", BROKEN_INTERACTIONS)
def test_a_broken_interaction_is_counted_and_takes_no_other_along(
    tmp_path: Path, case: str
) -> None:
    line, reason = BROKEN_INTERACTIONS[case]
    rows, dropped = read(write(tmp_path, pack(SHELF, line, OTHER), pack(BOOK)))
    assert [row["user"] for row in rows] == [SHELF["user_id"], "other"]
    assert dropped == {f"{INTERACTIONS}: {reason}": 1}


@pytest.mark.parametrize("case", BROKEN_BOOKS)
def test_a_broken_book_is_counted_and_takes_no_other_along(tmp_path: Path, case: str) -> None:
    line, reason = BROKEN_BOOKS[case]
    rows, dropped = read(write(tmp_path, pack(SHELF), pack(BOOK, line, {**BOOK, "book_id": "3"})))
    assert rows[0]["work"] == "372536"
    assert dropped == {f"{BOOKS}: {reason}": 1}


@pytest.mark.parametrize(
    "line",
    [
        {**SHELF, "more": [1, {"x": None}]},
        json.dumps(SHELF).encode() + b"\r",
        b"\xef\xbb\xbf" + json.dumps(SHELF).encode(),
        json.dumps({**SHELF, "review_text_incomplete": "x" * 1_000_000}).encode(),
    ],
    ids=["an extra key", "CRLF", "a byte order mark", "a long text"],
)
def test_what_changes_nothing(tmp_path: Path, line: object) -> None:
    expected = read(write(tmp_path, pack(SHELF), pack(BOOK)))
    assert read(write(tmp_path, pack(line), pack(BOOK))) == expected


@pytest.mark.parametrize(
    ("key", "value", "field", "found"),
    [
        ("publication_year", "20123", "year", "unknown"),
        ("publication_year", "5", "decade", "unknown"),
        ("publication_year", "²", "year", "unknown"),
        ("num_pages", "", "pages", "unknown"),
        ("num_pages", "100", "pages", "100"),
        ("num_pages", "100.0", "pages", "100"),
        ("publication_year", "1990.0", "year", "1990"),
        ("authors", [], "author", "unknown"),
        ("series", [], "series", "unknown"),
        ("publisher", "\ud800 A", "publisher", "? a"),
    ],
)
def test_odd_values_of_a_book(
    tmp_path: Path, key: str, value: object, field: str, found: str
) -> None:
    others = ({**BOOK, "book_id": "2"}, {**BOOK, "book_id": "3"})
    rows, dropped = read(write(tmp_path, pack(SHELF), pack({**BOOK, key: value}, *others)))
    assert rows[0][field] == found
    assert not dropped


SOUND = pack(SHELF, OTHER)
MANY = pack(*([SHELF, OTHER] * 20_000))
BAD_SUM = SOUND[:-8] + bytes(4) + SOUND[-4:]
REFUSED = {
    "cut short": (MANY[: len(MANY) // 2], pack(BOOK), f"{INTERACTIONS}: cut short.*as a whole"),
    "the end is missing": (SOUND[:-1], pack(BOOK), f"{INTERACTIONS}: cut short"),
    "books cut short": (SOUND, pack(BOOK)[:-9], f"{BOOKS}: cut short"),
    "not gzip": (json.dumps(SHELF).encode(), pack(BOOK), f"{INTERACTIONS}: not a sound gzip file"),
    "a web page": (b"<html>", pack(BOOK), f"{INTERACTIONS}: not a sound gzip file"),
    "zlib without its header": (zlib.compress(b"{}"), pack(BOOK), "not a sound gzip file"),
    "another checksum": (BAD_SUM, pack(BOOK), f"{INTERACTIONS}: not a sound gzip file.*place"),
    "text behind the end": (SOUND + b"x" * 99, pack(BOOK), "not a sound gzip file"),
    "nothing at all": (b"", pack(BOOK), "no rows; dropped: none"),
    "no lines": (pack(), pack(BOOK), "no rows"),
    "no books": (SOUND, b"", f"{BOOKS}: not a single book; dropped: none; place"),
    "files swapped": (pack(BOOK), SOUND, f"{BOOKS}: 2 of 2 rows cannot be read .*: no auth"),
    "most lines broken": (
        pack(SHELF, OTHER, b"{", b"{", {**SHELF, "rating": "5"}),
        pack(BOOK),
        f"{INTERACTIONS}: 3 of 5 rows cannot be read .mostly: not JSON.; the first is '{{'; place",
    ),
    "years that are none": (
        SOUND,
        pack(BOOK, *({**BOOK, "book_id": f"{n}", "publication_year": "90"} for n in (2, 3))),
        f"{BOOKS}: publication_year is no year from 1400 to 2018 in 2 of 3 lines .* as '90'; place",
    ),
    "books of another genre": (
        SOUND,
        pack({**BOOK, "book_id": "1"}),
        f"{BOOKS}: 2 of 2 rows have no partner there by book_id, such as '402128': .*one genre",
    ),
    "one class": (pack(SHELF, SHELF), pack(BOOK), "label t0 .* is 1 in all 2 rows.*'is_read'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_cannot_be_used_are_one_error_and_leave_nothing(
    tmp_path: Path, case: str
) -> None:
    interactions, books, message = REFUSED[case]
    out = tmp_path / "out"
    raw = write(tmp_path, interactions, books)
    with pytest.raises(DataError, match=message):
        prepare({"dataset": "goodreads"}, table=out / "t.parquet", manifest=out / "t.json", raw=raw)
    assert not out.exists() or not list(out.iterdir())


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    write(tmp_path, SOUND, pack(BOOK))
    (tmp_path / BOOKS).unlink()
    (tmp_path / BOOKS).mkdir()
    with pytest.raises(DataError, match=f"{BOOKS}: missing file of dataset 'goodreads'; place"):
        sources.load("goodreads").sources(tmp_path)


def test_no_field_reads_the_outcome_or_sums_over_readers() -> None:
    leaks = {
        *("rating", "review_id", "read_at", "started_at", "date_updated", "date_added"),
        *("average_rating", "ratings_count", "text_reviews_count", "popular_shelves"),
        "similar_books",
    }
    assert not leaks & {field.column for field in sources.load("goodreads").fields}
