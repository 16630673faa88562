"""Goodreads-like shelves: the two gzip files of the poetry subset, a JSON object a line.

Planted: is_read .480, rating == 5 .183 and a review .057 (the counts of the full data, the second
deduced from the paper) with the paper's correlations .493, .124 and .245. A rated book is read, so
the first correlation follows from the rates. Ratings below 5 are drawn blindly; so are dates, but a
book that is not read has no day of reading, and one with an outcome is updated later. No broken
lines: the real files have none known.
"""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.simulators import base
from mtnas.data.simulators._text import hex_ids, word
from mtnas.data.simulators._world import (
    ITEM_SD,
    USER_SD,
    Indices,
    Population,
    Rows,
    World,
    both,
    effects,
    scaled,
    tastes,
    zipf,
)
from mtnas.runtime.files import Json

INTERACTIONS = "goodreads_interactions_poetry.json.gz"
BOOKS = "goodreads_books_poetry.json.gz"
ROWS, READ, TOP, REVIEWS = 2_734_350, 1_313_610, 501_700, 155_414
RATES = (READ / ROWS, TOP / ROWS, REVIEWS / ROWS)
PCC = {"t0_t1": 0.493, "t1_t2": 0.124, "t0_t2": 0.245}
NUM_USERS, NUM_BOOKS, NUM_AUTHORS = 377_799, 36_514, 15_000
BELOW_TOP = (84_551, 18_436, 63_911, 237_208, 405_589)  # read books rated 0 (not), 1, 2, 3, 4
FIRST_DAY, LAST_DAY = 1_200_000_000, 1_509_000_000  # seconds; 2008 to 2017
DATE = "%a %b %d %H:%M:%S -0700 %Y"
LANGUAGES, FORMATS = ("eng", "en-US", "", "spa", "ger", "ara"), ("Paperback", "Hardcover", "")
REVIEW_TEXTS = (
    "A simulated review.",
    'Simulated: \\"the\\u2014best\\"\\nof all',
    "Simulado, \\u00a1s\\u00ed!",
)  # as JSON writes them
COMPRESSION = 4


class Simulator(base.Simulator):
    """Writes interactions and books."""

    dataset = "goodreads"

    def write(self, folder: Path, rows: int) -> base.Planted:
        """Write the two files, the interactions chunk by chunk."""
        rng = base.generator()
        num_users, num_books, num_authors = (
            scaled(number, rows, ROWS) for number in (NUM_USERS, NUM_BOOKS, NUM_AUTHORS)
        )
        author = zipf(rng, num_authors, num_books)
        parents = [(effects(rng, num_authors, 3), author)]
        users = Population(0.6, USER_SD * effects(rng, num_users, 3), tastes(rng, num_users))
        item_effect = ITEM_SD * effects(rng, num_books, 3, parents)
        items = Population(0.8, item_effect, tastes(rng, num_books))
        world = World(rng, users, items, _plan(), rows=rows)
        user_id = hex_ids(rng.integers(2**64, size=(num_users, 2), dtype=np.uint64))
        book_id = pa.array(rng.permutation(10 * num_books)[:num_books] + 1).cast(pa.string())
        _write(folder / BOOKS, _book_lines(rng, book_id.to_pylist(), author))
        _write(
            folder / INTERACTIONS,
            (
                _interaction_lines(world.draw(stream, n), user_id, book_id, stream)
                for n, stream in base.chunks(rows)
            ),
        )
        rates = {f"t{i}": rate for i, rate in enumerate(RATES)}
        return base.Planted(rates, PCC, {INTERACTIONS: 0, BOOKS: 0})


def _plan() -> tuple[tuple[float, ...], ...]:
    """Return P(label = 1) for every combination of the earlier labels; t1 implies t0."""
    p0, p1, p2 = RATES
    p02, p12 = both(RATES, 0, 2, PCC["t0_t2"]), both(RATES, 1, 2, PCC["t1_t2"])
    neither, read, top = (p2 - p02) / (1 - p0), (p02 - p12) / (p0 - p1), p12 / p1
    return (p0,), (0.0, p1 / p0), (neither, 0.0, read, top)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a gzip file without name and date, so that the same content gives the same bytes."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=COMPRESSION, fileobj=raw, mtime=0) as file,
    ):
        for piece in pieces:
            file.write(piece)


def _interaction_lines(
    rows: Rows, user_id: pa.Array, book_id: pa.Array, rng: np.random.Generator
) -> bytes:
    """Return the interactions as lines of JSON."""
    n = len(rows.user)
    read, top, reviewed = rows.labels.T
    below = np.searchsorted(np.cumsum(BELOW_TOP) / sum(BELOW_TOP), rng.random(n))
    rating = np.where(read, below, 0)
    rating[top] = 5
    texts = rng.integers(len(REVIEW_TEXTS), size=n)
    added = rng.integers(FIRST_DAY, LAST_DAY, size=n)
    later = added + rng.integers(30_000_000, size=n) * (read | reviewed)
    return base.lines(
        *('{"user_id": "', user_id.take(pa.array(rows.user))),
        *('", "book_id": "', book_id.take(pa.array(rows.item))),
        *('", "review_id": "', hex_ids(rng.integers(2**64, size=(n, 2), dtype=np.uint64))),
        *('", "is_read": ', pa.array(read).cast(pa.string())),
        *(', "rating": ', pa.array(rating)),
        *(
            ', "review_text_incomplete": "',
            _where(reviewed, pa.array(REVIEW_TEXTS).take(pa.array(texts))),
        ),
        *('", "date_added": "', _dates(added)),
        *('", "date_updated": "', _dates(later)),
        *('", "read_at": "', _where(read & (rng.random(n) < 0.5), _dates(later))),
        *('", "started_at": "', _where(read & (rng.random(n) < 0.2), _dates(added))),
        '"}\n',
    )


def _where(condition: Any, text: pa.Array) -> pa.Array:
    """Return text where the condition holds, else nothing."""
    return pc.if_else(pa.array(condition), text, "")


def _dates(seconds: Indices) -> pa.Array:
    """Return moments as the source writes them."""
    return pc.strftime(pa.array(seconds, pa.timestamp("s")), format=DATE)


def _book_lines(rng: np.random.Generator, book_id: list[str], author: Indices) -> Iterable[bytes]:
    """Yield the books as lines of JSON, with all keys of the source."""
    n = len(book_id)
    columns = (
        author,
        rng.integers(max(1, n * 3 // 4), size=n),  # works: some have more editions
        rng.lognormal(4.8, 0.6, n).astype(int) + 8,
        np.minimum(rng.normal(1998, 14, n).astype(int), 2017),
        zipf(rng, max(20, n // 8), n),
    )
    draws = rng.random((n, 6)).tolist()
    for row in zip(book_id, *(c.tolist() for c in columns), draws, strict=True):
        yield json.dumps(_book(*row)).encode() + b"\n"


def _book(
    book: str, author: int, work: int, pages: int, year: int, publisher: int, u: list[float]
) -> Json:
    """Return one book; `u` are six numbers from 0 to 1 that decide what is missing."""
    title = f"Simulated Poems of {word(work).capitalize()}"
    authors = [{"author_id": str(1000 + author), "role": ""}]
    if u[0] < 0.2:
        authors.append({"author_id": str(1000 + work), "role": "Translator"})
    ebook, address = u[3] < 0.15, f"https://books.example/{book}"
    return {
        "isbn": "",
        "text_reviews_count": str(int(9 * u[1])),
        "series": [str(100_000 + work // 9)] if u[1] < 0.06 else [],
        "country_code": "US",
        "language_code": LANGUAGES[int(len(LANGUAGES) * u[2] ** 2)],
        "popular_shelves": [{"count": str(int(99 * u[4])), "name": "to-read"}],
        "asin": "",
        "is_ebook": "true" if ebook else "false",
        "average_rating": f"{3 + 2 * u[4]:.2f}",
        "kindle_asin": "",
        "similar_books": [],
        "description": "Simulated description.",
        "format": "ebook" if ebook else FORMATS[int(len(FORMATS) * u[4])],
        "link": address,
        "authors": authors,
        "publisher": "" if u[5] < 0.15 else f"Simulated House {word(publisher)}",
        "num_pages": "" if u[5] > 0.8 else str(pages),
        "publication_day": "",
        "isbn13": "",
        "publication_month": "",
        "edition_information": "",
        "publication_year": "" if u[2] > 0.85 else str(year),
        "url": address,
        "image_url": f"{address}.jpg",
        "book_id": book,
        "ratings_count": str(int(99 * u[0])),
        "work_id": str(500_000 + work),
        "title": title,
        "title_without_series": title,
    }
