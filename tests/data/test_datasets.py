"""Each dataset's own reading of its source, on rows written here."""

from pathlib import Path

import pyarrow as pa
import pytest

from mtnas.data import sources
from mtnas.data.isbn import group_of, registrant_of
from mtnas.data.sources import base
from mtnas.runtime.errors import DataError
from tests.helpers.shared import SHARED

RATINGS = '"User-ID";"ISBN";"Book-Rating"'
USERS = '"User-ID";"Location";"Age"'
BOOKS = (
    '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";'
    '"Image-URL-S";"Image-URL-M";"Image-URL-L"'
)


PARTNERS = ['"1";"nyc, new york, usa";NULL'], ['"2";"Title";"A";"1999";"P";"s";"m";"l"']


def write(folder: Path, ratings: list[str], users: list[str], books: list[str]) -> Path:
    """Write a Book-Crossing folder in the encoding of the original."""
    files = {"Book-Ratings": [RATINGS, *ratings], "Users": [USERS, *users]}
    for name, lines in {**files, "Books": [BOOKS, *books]}.items():
        text = "".join(f"{line}\r\n" for line in lines)
        (folder / f"BX-{name}.csv").write_bytes(text.encode("latin-1"))
    return folder


def read(dataset: base.Dataset, raw: Path | None) -> pa.Table:
    return pa.Table.from_batches(list(dataset.chunks(raw)))


def test_bookcrossing_joins_users_and_books(tmp_path: Path) -> None:
    raw = write(
        tmp_path,
        ['"7";"034545104x";"10"', '"8";"B00009EF82";"0"'],
        ['"7";"Köln, n/a, Germany";"25"', '"8";"usa";NULL'],
        [
            '"034545104X";"Caf&eacute; \\"Noir\\": A Novel (Flesh; Blood)";"M. J. Rose";"2002";'
            '"Ballantine &amp; Co";"s";"m";"l"'
        ],
    )
    first, second = read(sources.load("bookcrossing"), raw).to_pylist()
    assert first == {
        "user": "7",
        "isbn": "034545104X",
        "title": 'café "noir": a novel (flesh; blood)',
        "work": 'café "noir"',
        "author": "m. j. rose",
        "year": "2002",
        "decade": "2000",
        "publisher": "ballantine & co",
        "isbn_group": "0",
        "isbn_registrant": "0-345",
        "age": "25",
        "age_bucket": "20",
        "city": "köln, , germany",
        "state": "unknown",
        "country": "germany",
        "t0": 1,
        "t1": 1,
        "grade": 10.0,
    }
    assert second["country"] == "usa"
    known = ("user", "isbn", "country", "t0", "t1", "grade")
    assert {value for name, value in second.items() if name not in known} == {"unknown"}
    assert (second["t0"], second["t1"]) == (0, 0)


def test_bookcrossing_counts_broken_rows_and_keeps_their_neighbours(tmp_path: Path) -> None:
    raw = write(
        tmp_path,
        [
            '"1";"0000000001";"5"',
            '"2";"0000000002";"eleven"',
            '"x";"0000000003";"5"',
            '"4";"0000000004"',
            '"5";"0000000005";"11"',
            '"6";"broken\\";"3"',  # the backslash would swallow the closing quote
            '"7";"open;"4"',
            '"8";"0000000008";"²"',  # a digit to some, not a number
            '"9";"0000000009";"0"',
            *['"10";"0000000010";"0"'] * 4,
        ],
        ['"1";"a, b, c";"300"', *(f'"{user}";"a, b, c";"30"' for user in (6, 9, 10))],
        [
            '"0000000001";"Swallowed\\";Author";"1999";"P";"s";"m";"l"',
            '"broken";"A";"B";"1999";"P";"s";"m";"l"',
            '"0000000009";"A";"B";"0";"P";"s";"m";"l"',
            '"0000000010";"A";"B";"1999";"P";"s";"m";"l"',
        ],
    )
    dataset = sources.load("bookcrossing")
    table = read(dataset, raw)
    assert table["user"].to_pylist() == ["1", "6", "9", *["10"] * 4]
    assert table["age"].to_pylist()[:2] == ["unknown", "30"]
    assert dataset.replaced == {
        "BX-Users.csv: Age is no age from 5 to 100": 1,
        "BX-Books.csv: Year-Of-Publication is no year from 1800 to 2005": 1,
    }
    assert dataset.unmatched == {"books": 1}
    assert dataset.dropped == {
        "BX-Book-Ratings.csv: Book-Rating is not a whole number from 0 to 10": 3,
        "BX-Book-Ratings.csv: User-ID is not a whole number": 1,
        "BX-Book-Ratings.csv: not 3 columns": 2,
        "BX-Books.csv: not 8 columns": 1,
    }


def test_dropped_rows_are_counted_once_per_reading(tmp_path: Path) -> None:
    raw = write(tmp_path, ['"1";"2";"3"', '"broken"'], *PARTNERS)
    dataset = sources.load("bookcrossing")
    read(dataset, raw)
    read(dataset, raw)
    assert sum(dataset.dropped.values()) == 1


def test_bookcrossing_saved_again_by_another_program(tmp_path: Path) -> None:
    files = {
        "BX-Book-Ratings": "User-ID;ISBN;Book-Rating\n7.0;034545104X;10.0\n",
        "BX-Users": "User-ID;Location;Age\n7;Köln, n/a, germany;18.0\n8;x;\n",
        "BX-Books": BOOKS.replace('"', "") + "\n034545104X;Café;A;1990.0;P;s;m;l\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8-sig")
    dataset = sources.load("bookcrossing")
    (row,) = read(dataset, tmp_path).to_pylist()
    found = {name: row[name] for name in ("user", "age", "year", "decade", "title", "city", "t1")}
    assert found == {
        "user": "7",
        "age": "18",
        "year": "1990",
        "decade": "1990",
        "title": "café",
        "city": "köln, , germany",
        "t1": 1,
    }
    assert not dataset.replaced


RATING = '"1";"2";"3"'
REFUSED = {
    "ratings": (
        [RATING, *['"1";"2";"3";"x"'] * 2],
        *PARTNERS,
        r"Ratings\.csv: 2 of 3 rows .* 3 columns",
    ),
    "users": ([RATING], ['"1"', '"2"'], PARTNERS[1], r"Users\.csv: 2 of 2 rows cannot be read"),
    "ages": (
        [RATING],
        ['"1";"x";"1990"', '"2";"x";"1985"', '"3";"x";"30"', '"4";"x";NULL'],
        PARTNERS[1],
        r"Users\.csv: Age is no age from 5 to 100 in 2 of 3 lines .* as '1990'; place the file",
    ),
    "years": (
        [RATING],
        PARTNERS[0],
        ['"2";"Title";"1990";"A";"P";"s";"m";"l"'],  # two columns exchanged
        r"Books\.csv: Year-Of-Publication is no year from 1800 to 2005 in 1 of 1 .* as 'A'",
    ),
    "books": (
        ['"1";"002";"3"', '"1";"1.95E+08";"3"'],
        *PARTNERS,
        r"Books\.csv: 2 of 2 rows have no partner there by ISBN, such as '002': .* three files",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bookcrossing_files_of_which_most_is_lost(tmp_path: Path, case: str) -> None:
    ratings, users, books, message = REFUSED[case]
    raw = write(tmp_path, ratings, users, books)
    with pytest.raises(DataError, match=message):
        read(sources.load("bookcrossing"), raw)


@pytest.mark.parametrize("name", ["07_bookcrossing_resaved", "08_bookcrossing_most_lines_broken"])
def test_bookcrossing_cases_that_were_handed_over(name: str) -> None:
    raw, dataset = SHARED.parent / "cases" / "data" / name, sources.load("bookcrossing")
    if not raw.exists():
        pytest.skip(f"{raw} is missing")
    if name.startswith("08"):
        with pytest.raises(DataError, match="380 of 400 rows cannot be read"):
            read(dataset, raw)
        return
    table = read(dataset, raw)
    for field in ("age", "age_bucket", "year", "decade"):
        assert table[field].to_pylist().count("unknown") < 0.4 * table.num_rows


@pytest.mark.parametrize(
    ("location", "city", "state", "country"),
    [
        ("nyc, new york, usa", "nyc, new york, usa", "new york, usa", "usa"),
        ("a, b, c, d", "a, b, c, d", "c, d", "d"),
        ('\\"lisbon, \\n/a\\"\\",\\"', "lisbon, , ", "unknown", "unknown"),
        ("york, england", "unknown", "york, england", "england"),
        (", , ", "unknown", "unknown", "unknown"),
    ],
)
def test_bookcrossing_location(
    tmp_path: Path, location: str, city: str, state: str, country: str
) -> None:
    raw = write(tmp_path, ['"1";"2";"3"'], [f'"1";"{location}";NULL'], PARTNERS[1])
    row = read(sources.load("bookcrossing"), raw).to_pylist()[0]
    assert (row["city"], row["state"], row["country"]) == (city, state, country)


@pytest.mark.parametrize(
    ("isbn", "group", "registrant"),
    [
        ("0345451040", "0", "0-345"),
        ("0061099686", "0", "0-06"),
        ("1558746218", "1", "1-55874"),
        ("3404139178", "3", "3-404"),
        ("8445071408", "84", "84-450"),
        ("9726101794", "972", "972-610"),
        ("6001234567", "600", "600-12"),
        ("9990312345", "99903", "99903-12"),
        ("B00009EF82", None, None),
        ("034545104", None, None),
    ],
)
def test_isbn_prefixes(isbn: str, group: str | None, registrant: str | None) -> None:
    assert group_of(isbn) == group
    assert registrant_of(isbn) == registrant


def test_movielens_first_row() -> None:
    row = read(sources.load("movielens"), None).slice(0, 1).to_pylist()[0]
    assert row == {
        "user": "1",
        "movie": "31",
        "year": "1995",
        "decade": "1990",
        "genres": "Drama",
        "first_genre": "Drama",
        "num_genres": "1",
        "rated_year": "2009",  # 1260759144 s = Mon 2009-12-14 02:52:24 UTC
        "rated_month": "12",
        "rated_weekday": "0",
        "rated_hour": "2",
        "t0": 0,
        "t1": 0,
        "grade": 2.5,
    }


def test_insteval_first_row() -> None:
    row = read(sources.load("insteval"), None).slice(0, 1).to_pylist()[0]
    assert list(row.values()) == ["1", "1002", "2", "2", "0", "2", 1, 1, 5.0]


def test_map_distinct_calls_once_per_value_and_keeps_null() -> None:
    calls: list[str] = []

    def upper(value: str) -> str | None:
        calls.append(value)
        return None if value == "c" else value.upper()

    column = pa.array(["a", "b", None, "a", "c"])
    assert base.map_distinct(column, upper).to_pylist() == ["A", "B", None, "A", None]
    assert sorted(calls) == ["a", "b", "c"]


def test_batch_fills_missing_and_empty_values() -> None:
    dataset = sources.load("insteval")
    columns = {field.name: pa.array(["", None, "x"]) for field in dataset.fields}
    labels = [pa.array([True, False, True])] * 2
    batch = dataset.batch(columns, labels)
    assert batch["student"].to_pylist() == ["unknown", "unknown", "x"]
    assert batch["t1"].type == pa.int8()
