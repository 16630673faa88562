r"""Book-Crossing-like ratings: the three files of `BX-CSV-Dump.zip` in their exact format.

ISO-8859-1, `;`, every field quoted, CRLF, a missing age as an unquoted NULL, quotes escaped by a
backslash, HTML entities in titles, some ages and years that are none, rated books without an entry,
broken lines. Planted: the label rates of the full data; t1 implies t0, which alone gives the
paper's correlation of .348. Ratings from 1 to 9 are drawn blindly by their real counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data.simulators import base
from mtnas.data.simulators._text import name, word
from mtnas.data.simulators._world import (
    ITEM_SD,
    USER_SD,
    Floats,
    Indices,
    Population,
    World,
    effects,
    scaled,
    tastes,
    zipf,
)

RATINGS, USERS, BOOKS = "BX-Book-Ratings.csv", "BX-Users.csv", "BX-Books.csv"
COUNTS = (
    *(716_109, 1_770, 2_759, 5_996, 8_904, 50_974),
    *(36_924, 76_457, 103_736, 67_541, 78_610),
)  # of the ratings 0 to 10 in the full data
ROWS = sum(COUNTS)
RATES = (1 - COUNTS[0] / ROWS, COUNTS[10] / ROWS)
PCC = 0.348
NUM_USERS, NUM_RATERS, NUM_BOOKS = 278_858, 105_283, 340_556
NUM_AUTHORS, NUM_PUBLISHERS = 102_000, 2_000
NO_ENTRY, NO_AGE, NO_STATE, NOT_A_NUMBER = 0.1, 0.4, 0.1, 0.02  # shares
BROKEN_EVERY = {RATINGS: 50_000, USERS: 20_000, BOOKS: 10_000}  # lines; one at least
GROUPS = "0123"  # of ISBN, each with 500 publishers of 100,000 books
ISBN_WEIGHTS = np.arange(10, 1, -1)


@dataclass(frozen=True)
class _Books:
    """What is known of the books, and their effects on the labels."""

    isbn: list[str]
    author: Indices
    publisher: Indices
    effect: Floats


class Simulator(base.Simulator):
    """Writes ratings, users and books."""

    dataset = "bookcrossing"

    def write(self, folder: Path, rows: int) -> base.Planted:
        """Write the three files, the ratings chunk by chunk."""
        rng = base.generator()
        books = _draw_books(rng, rows)
        num_raters, num_users = (scaled(n, rows, ROWS) for n in (NUM_RATERS, NUM_USERS))
        users = Population(0.75, USER_SD * effects(rng, num_raters, 2), tastes(rng, num_raters))
        items = Population(0.7, books.effect, tastes(rng, len(books.isbn)))
        world = World(rng, users, items, ((RATES[0],), (0.0, RATES[1] / RATES[0])), rows=rows)
        user_id = rng.permutation(num_users)[:num_raters] + 1
        lines = {
            RATINGS: _rating_lines(world, user_id, books.isbn, rows),
            USERS: _user_lines(rng, num_users),
            BOOKS: _book_lines(rng, books),
        }
        broken = {file: _write(folder / file, content) for file, content in lines.items()}
        return base.Planted({"t0": RATES[0], "t1": RATES[1]}, {"t0_t1": PCC}, broken)


def _write(path: Path, pieces: Iterator[tuple[int, bytes]]) -> int:
    """Write the lines of one file, broken ones among them; return how many are broken."""
    header, broken_line = _FRAME[path.name]
    lines = broken = 0
    with path.open("wb") as file:
        file.write(header)
        for number, text in pieces:
            file.write(text)
            lines += number
            while broken <= lines // BROKEN_EVERY[path.name]:
                file.write(broken_line)
                broken += 1
    return broken


_FRAME = {
    RATINGS: (b'"User-ID";"ISBN";"Book-Rating"\r\n', b'"1";"0345451040"\r\n'),
    USERS: (b'"User-ID";"Location";"Age"\r\n', b'"1";"broken, off\r\n'),
    BOOKS: (
        b'"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";'
        b'"Image-URL-S";"Image-URL-M";"Image-URL-L"\r\n',
        b'"0000000000";"Simulated";" quote";"A";"1999";"P";"s";"m";"l"\r\n',
    ),
}


def _draw_books(rng: np.random.Generator, rows: int) -> _Books:
    """Draw authors, publishers and effects of as many books as suit the rows."""
    number = scaled(NUM_BOOKS, rows, ROWS)
    author = zipf(rng, scaled(NUM_AUTHORS, rows, ROWS), number)
    publisher = zipf(rng, scaled(NUM_PUBLISHERS, rows, ROWS), number) % NUM_PUBLISHERS
    parents = [(effects(rng, int(parent.max()) + 1, 2), parent) for parent in (author, publisher)]
    effect = ITEM_SD * effects(rng, number, 2, parents)
    return _Books(_isbns(publisher), author, publisher, effect)


def _isbns(publisher: Indices) -> list[str]:
    """Return different ISBNs with their check digits; those of a publisher share a prefix."""
    order = np.argsort(publisher, kind="stable")
    book = np.empty_like(publisher)  # its number within its publisher
    book[order] = np.arange(len(order)) - np.searchsorted(publisher[order], publisher[order])
    pairs = zip(publisher.tolist(), book.tolist(), strict=True)
    bodies = [f"{GROUPS[p % 4]}{200 + p // 4}{b:05d}" for p, b in pairs]
    digits = np.frombuffer("".join(bodies).encode(), np.uint8).reshape(-1, 9) - ord("0")
    check = -(digits.astype(np.int64) @ ISBN_WEIGHTS) % 11
    return [body + "0123456789X"[c] for body, c in zip(bodies, check.tolist(), strict=True)]


def _rating_lines(
    world: World, user_id: NDArray[np.int64], isbn: list[str], rows: int
) -> Iterator[tuple[int, bytes]]:
    """Yield the ratings chunk by chunk: how many, and their lines."""
    users, isbns = pa.array(user_id).cast(pa.string()), pa.array(isbn)
    below_ten = np.cumsum(COUNTS[1:10]) / sum(COUNTS[1:10])
    for n, rng in base.chunks(rows):
        drawn = world.draw(rng, n)
        rated, top = drawn.labels.T
        rating = np.where(rated, 1 + np.searchsorted(below_ten, rng.random(n)), 0)
        rating[top] = 10
        user, item = users.take(pa.array(drawn.user)), isbns.take(pa.array(drawn.item))
        yield n, base.lines('"', user, '";"', item, '";"', pa.array(rating), '"\r\n')


def _user_lines(rng: np.random.Generator, number: int) -> Iterator[tuple[int, bytes]]:
    """Yield the users: place and age."""
    cities, states, countries = (zipf(rng, size, number).tolist() for size in (20_000, 900, 90))
    ages = np.clip(rng.normal(36, 14, number), 5, 95).astype(int)
    ages[rng.random(number) < NOT_A_NUMBER] = 239
    no_age, no_state = (rng.random(number) < share for share in (NO_AGE, NO_STATE))
    for user, city in enumerate(cities):
        state = "n/a" if no_state[user] else word(states[user])
        age = "NULL" if no_age[user] else f'"{ages[user]}"'
        place = f"{word(city)}, {state}, {word(countries[user])}"
        yield 1, f'"{user + 1}";"{place}";{age}\r\n'.encode("latin-1")


def _book_lines(rng: np.random.Generator, books: _Books) -> Iterator[tuple[int, bytes]]:
    """Yield the entries of most books."""
    number = len(books.isbn)
    years = np.clip(rng.normal(1994, 9, number), 1920, 2004).astype(int)
    years[rng.random(number) < NOT_A_NUMBER] = 0
    listed = rng.random(number) >= NO_ENTRY
    works = rng.integers(max(1, number * 4 // 5), size=number).tolist()  # some have more editions
    for book in np.flatnonzero(listed).tolist():
        isbn, images = books.isbn[book], f"http://images.example/P/{books.isbn[book]}.01."
        values = (
            *(isbn, _title(works[book], book), name(int(books.author[book])), str(years[book])),
            f"Simulated House {word(int(books.publisher[book]))}",
            *(f"{images}{size}.jpg" for size in ("THUMBZZZ", "MZZZZZZZ", "LZZZZZZZ")),
        )
        yield 1, ('"' + '";"'.join(values) + '"\r\n').encode("latin-1")


def _title(work: int, book: int) -> str:
    """Return the title of an edition, with what makes titles hard to read."""
    title = f"Simulated {word(work).capitalize()}"
    if work % 10 == 0:
        title += f" &amp; {word(work % 7)}"
    if work % 11 == 0:
        title += rf" \"{word(work % 13)}\""
    return f"{title}: A Novel (Paperback)" if book % 3 == 0 else title
