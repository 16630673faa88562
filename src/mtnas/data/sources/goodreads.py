"""Goodreads poetry (Wan and McAuley, RecSys 2018): 2,734,350 books that users put on a shelf.

Two gzip files of the UCSD Book Graph with a JSON object a line: the interactions, streamed, and the
books, held in memory. A broken line is counted by its reason and takes no neighbour along; a file
that is cut short is refused.

D6: the paper gives 14 as the number of fields, not which. Ours are the user and what the catalogue
says of the book. Left out because they hold the outcome of the row: `rating`, `review_id`,
`read_at`, `started_at`, `date_updated` and `date_added`, which is often set together with the
outcome. Left out because they sum over all readers, the reader of the row and the test examples
among them: `average_rating`, `ratings_count`, `text_reviews_count`, `popular_shelves`,
`similar_books`. `country_code` is the same for all books; the remaining columns name the book once
more.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.safeguards import Lines, Partners, Values
from mtnas.data.sources import base
from mtnas.data.sources.base import REPORTED, Download, Field, Task
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import Json

TITLE = "Goodreads"  # what tables and figures call it

_INTERACTIONS = "goodreads_interactions_poetry.json.gz"
_BOOKS = "goodreads_books_poetry.json.gz"
_HOSTS = (
    "https://mcauleylab.ucsd.edu/public_datasets/gdrive/goodreads/byGenre/",
    "https://datarepo.eng.ucsd.edu/mcauley_group/gdrive/goodreads/byGenre/",
)
_BY_HAND = (
    "find the poetry subset of the UCSD Book Graph at "
    "https://mengtingwan.github.io/data/goodreads.html; for academic use, not to be passed on"
)
_AGAIN = "place the file of the source there as a whole"
_TOGETHER = "place the two files of one genre there"
_PAGES = 50  # width of a class of `num_pages`

_NUMBERS = range(100_000)
_YEARS = range(1400, 2019)  # collected in 2017, some books were announced; 5 and 20123 are no years
_KINDS = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "objects",
}

_Row = tuple[str, str, bool, int, bool]
_Kind = TypeVar("_Kind")
_Parsed = TypeVar("_Parsed")


class _BrokenLineError(Exception):
    """Why a line is left out."""


class Dataset(base.Dataset):
    """Downloaded or placed by hand: interactions and books in one folder."""

    name = "goodreads"
    title = "Goodreads poetry (UCSD Book Graph)"
    num_features = 500_000
    split = (1_822_664, 455_666, 456_020)  # the paper's Table 1
    needs_raw = True
    graded = "t1"
    downloads = tuple(
        Download(file, tuple(host + file for host in _HOSTS), by_hand=_BY_HAND)
        for file in (_INTERACTIONS, _BOOKS)
    )
    fields = (
        Field("user", "user_id", "id", "the reader: some read, some only collect"),
        Field("book", "book_id", "id", "the edition on the shelf"),
        Field("work", "work_id", "id", "the work: its editions are read alike"),
        Field("author", "authors", "id", "the first author: a reader returns to one"),
        Field("contributor", "authors", "id", "the second one with the role, often the translator"),
        Field("series", "series", "category", "the first series: who reads one part reads on"),
        Field("title", "title_without_series", "category", "in lower case; links editions"),
        Field("publisher", "publisher", "category", "in lower case; stands for a kind of book"),
        Field("year", "publication_year", "category", "year of the edition: new or classic"),
        Field("decade", "publication_year", "category", "its decade, for years that are rare"),
        Field("language", "language_code", "category", "a reader reads few languages"),
        Field("format", "format", "category", "binding or medium: heard, carried or given"),
        Field("ebook", "is_ebook", "category", "true or false: quickly had, less often read"),
        Field("pages", "num_pages", "category", "number of pages in steps of 50: effort"),
    )
    tasks = (
        Task("t0", "is_read", "is_read: the user reads the book", metrics=REPORTED),
        # D8: the top rating alone gives the label correlations of the paper's Table 4. A row may be
        # rated and not read: the source does not exclude it, so t1 implies nothing.
        Task("t1", "rating", "rating == 5: the user is satisfied", metrics=REPORTED),
        Task(
            "t2", "review_text_incomplete", "not empty: the user reviews the book", metrics=REPORTED
        ),
    )

    def sources(self, raw: Path | None) -> list[Path]:
        """Return the files of interactions and books."""
        return self.raw_files(raw, (_INTERACTIONS, _BOOKS))

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield the interactions in the order of their file, joined with the books."""
        interactions, books_file = self.sources(raw)
        self.count_anew()
        books = self._books(books_file)
        join = Partners(books_file, "books", "book_id")
        rows = self._sound(interactions, _interaction)
        while chunk := list(islice(rows, base.BATCH_ROWS)):
            user, book, read, rating, reviewed = (pa.array(c) for c in zip(*chunk, strict=True))
            index = pc.index_in(book, value_set=books["book"])
            join.add(book, index)
            columns = {name: column.take(index) for name, column in books.items()}
            columns |= {"user": user, "book": book}
            yield self.batch(columns, [read, pc.equal(rating, 5), reviewed], grade=rating)
        join.check(self.unmatched, _TOGETHER)

    def _books(self, path: Path) -> dict[str, pa.Array]:
        """Return the fields of all books as columns; of two lines on a book, the first counts."""
        names = [field.name for field in self.fields if field.name != "user"]
        columns: list[list[str]] = [[] for _ in names]
        known: set[str] = set()
        years = Values(path, "publication_year", "year from 1400 to 2018")
        pages = Values(path, "num_pages", "number of pages")
        for book in self._sound(path, lambda value: _book(value, years, pages)):
            if book[0] in known:
                self.dropped[f"{path.name}: book_id for the second time"] += 1
                continue
            known.add(book[0])
            for column, value in zip(columns, book, strict=True):
                column.append(value)
        if not known:
            raise DataError(
                f"{path}: not a single book; dropped: {dict(self.dropped) or 'none'}; {_AGAIN}"
            )
        for values in (years, pages):
            values.check(self.replaced, _AGAIN)
        return {n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)}

    def _sound(self, path: Path, parse: Callable[[Json], _Parsed]) -> Iterator[_Parsed]:
        """Yield what the sound lines of a file hold; count the others by their first fault."""
        lines = Lines(path, self.dropped, _AGAIN)
        for line in _lines(path):
            try:
                sound = parse(_object(line))
            except _BrokenLineError as fault:
                lines.add(str(fault), line[:200].decode("utf-8", "replace"))
            else:
                lines.read += 1
                yield sound
        lines.end()


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a gzip file; `DataError` if they do not come to an orderly end."""
    try:
        with gzip.open(path) as file:
            yield from file
    except EOFError:
        raise DataError(f"{path}: cut short: the compressed data do not end; {_AGAIN}") from None
    except (OSError, zlib.error) as error:
        raise DataError(f"{path}: not a sound gzip file ({error}); {_AGAIN}") from None


def _object(line: bytes) -> Json:
    """Parse one line."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise _BrokenLineError("not JSON") from None
    if not isinstance(value, dict):
        raise _BrokenLineError("not a JSON object")
    return value


def _interaction(value: Json) -> _Row:
    """Return user, book, whether it is read, its rating, whether there is a review."""
    read, rating = _get(value, "is_read", bool), _get(value, "rating", int)
    if not 0 <= rating <= 5:
        raise _BrokenLineError("rating is not from 0 to 5")
    user, book = _key(value, "user_id"), _key(value, "book_id")
    return user, book, read, rating, _get(value, "review_text_incomplete", str) != ""


def _book(value: Json, years: Values, all_pages: Values) -> list[str]:
    """Return the fields of a book, its key first, in the order of `Dataset.fields`."""
    authors = [
        f"{_clean(_get(author, 'author_id', str))} {_clean(_get(author, 'role', str))}".strip()
        for author in _list(value, "authors", dict)
    ]
    series = [_clean(name) for name in _list(value, "series", str)]
    year = _number(value, "publication_year", years, _YEARS)
    pages = _number(value, "num_pages", all_pages)
    return [
        _key(value, "book_id"),
        _clean(_get(value, "work_id", str)),
        authors[0].split(" ")[0] if authors else "",
        authors[1] if len(authors) > 1 else "",
        series[0] if series else "",
        _clean(_get(value, "title_without_series", str)),
        _clean(_get(value, "publisher", str)),
        "" if year is None else str(year),
        "" if year is None else str(year // 10 * 10),
        _clean(_get(value, "language_code", str)),
        _clean(_get(value, "format", str)),
        _clean(_get(value, "is_ebook", str)),
        "" if pages is None else str(pages // _PAGES * _PAGES),
    ]


def _get(value: Json, key: str, kind: type[_Kind]) -> _Kind:
    """Return an entry of the right type; true and false are no numbers."""
    if key not in value:
        raise _BrokenLineError(f"no {key}")
    found = value[key]
    if type(found) is not kind:
        raise _BrokenLineError(f"{key} is not {_KINDS[kind]}")
    return found


def _list(value: Json, key: str, kind: type[_Kind]) -> list[_Kind]:
    """Return a list with entries of one type."""
    found = _get(value, key, list)
    if any(type(item) is not kind for item in found):
        raise _BrokenLineError(f"{key} is not a list of {_KINDS[kind]}")
    return found


def _key(value: Json, key: str) -> str:
    """Return an id: ASCII letters and digits."""
    found = _get(value, key, str)
    if not (found.isascii() and found.isalnum()):
        raise _BrokenLineError(f"{key} is not letters and digits")
    return found


def _number(value: Json, key: str, seen: Values, allowed: range = _NUMBERS) -> int | None:
    """Return a number that is written as text; None if there is none, or none that is allowed."""
    text = _get(value, key, str).removesuffix(".0")  # a program may have made 56 into 56.0
    is_whole = text.isascii() and text.isdecimal() and len(text) < 6
    is_sound = is_whole and int(text) in allowed
    if text:
        seen.add(text, is_sound)
    return int(text) if is_sound else None


def _clean(text: str) -> str:
    """Return text in lower case without runs of blanks; JSON may hold what UTF-8 cannot."""
    return " ".join(text.split()).casefold().encode("utf-8", "replace").decode()
