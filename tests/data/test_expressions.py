"""SQL expressions over columns: what they compute, and what they refuse, with the remedy."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data.engine.connection import Engine
from mtnas.data.engine.query import Asked, View, batches, build
from mtnas.data.engine.reading import Reading
from mtnas.data.engine.syntax import LONGEST, parse
from mtnas.data.engine.tables import open_table
from mtnas.runtime.errors import ConfigError, DataError

COLUMNS = {
    "rating": pa.array(["4", "5", None, "many", "+3.5"]),
    "genres": pa.array(["Drama|War", "War", None, "Dramatic", "a `b`"]),
    "a-b": pa.array([1, 2, 3, None, 5]),
    "seen": pa.array(["1", "0", "True", "maybe", None]),
    "bought": pa.array([True, False, None, True, False]),
    "day": pa.array(["2013-05-01", "2013-06-01", "2012-01-01", None, "2013-06-30"]),
    "class": pa.array(["x", "y", "z", "x", None]),
    "zero": pa.array([0.0, 1.0, 2.0, None, 4.0]),
    "tags": pa.array([["a", "b"], ["b", None], [], None, ["1"]]),
    "shown": pa.array(["20240104000000001", "20240104000000002", "3", "4.50", "5"]),
    "clicked": pa.array(["20240104000000001", "20240104000000003", "3.0", "4.5", "6"]),
    "price": pa.array(["0.1", "0.2", "0.3", None, "100"]),
}
T, F, N = True, False, None
RESULTS = {
    "rating >= 4": [T, T, N, N, F],
    "4 <= rating": [T, T, N, N, F],
    "3.5 < rating AND rating < 5": [T, F, N, N, F],
    "rating == 4 or rating = 5": [T, T, N, N, F],
    "not rating != 5": [F, T, N, N, F],
    "rating IN (4, 5.0)": [T, T, N, N, F],
    "rating in [4, 5.0]": [T, T, N, N, F],
    "rating NOT IN (4, -5)": [F, T, N, N, T],
    "rating BETWEEN 4 AND 5": [T, T, N, N, F],
    "rating IS NULL": [F, F, T, F, F],
    "rating IS NOT NULL": [T, T, F, T, T],
    "rating is null or rating > 4": [F, T, T, N, F],
    "rating > 4 and genres is null": [F, F, N, F, F],
    "rating = 'many'": [F, F, N, T, F],
    "rating = 'many' OR rating = 4": [T, F, N, T, F],
    '"a-b" * 2 - 1 > rating': [F, F, N, N, T],
    '-"a-b" + 1 >= -1 / 2': [T, F, F, N, F],
    "rating / zero > 1": [N, T, N, N, F],
    "rating * rating > 20": [F, T, N, N, F],
    "rating % 2 = 1": [F, T, N, N, F],
    "round(rating) = 4": [T, F, N, N, T],
    "abs(rating - 4) < 1": [T, F, N, N, T],
    "coalesce(rating, 0) >= 4": [T, T, F, F, F],
    "case when seen then rating else 0 end > 3": [T, F, N, F, F],
    "if(rating > 4, 1, 0) = 1": [F, T, F, F, F],
    "CAST(rating AS DOUBLE) > 3": [T, T, N, N, T],
    "TRY_CAST(rating AS DOUBLE) > 3": [T, T, N, N, T],
    "genres IN ('War', 'a `b`')": [F, T, N, F, T],
    "genres LIKE 'Dra%'": [T, F, N, T, F],
    "length(genres) > 5": [T, F, N, T, F],
    "list_contains(string_split(genres, '|'), 'Drama')": [T, F, N, F, F],
    "list_contains(tags, 'b')": [T, T, F, N, F],
    "'a' IN tags": [T, F, F, N, F],
    "1 in tags": [F, F, F, N, T],
    "len(tags) = 1": [F, T, F, N, T],
    "list_filter(tags, t -> t = 'b') = ['b']": [T, T, F, N, F],
    "len([t for t in tags if t = 'b']) = 1": [T, T, F, N, F],
    "seen": [T, F, T, N, N],
    "not seen": [F, T, F, N, N],
    "seen = true": [T, F, T, N, N],
    "seen = 1": [T, F, T, N, N],
    "false = bought": [F, T, N, F, T],
    "bought > 0": [T, F, N, T, F],
    "day >= '2013-06-01'": [F, T, F, N, T],
    "day >= DATE '2013-06-01'": [F, T, F, N, T],
    "year(day) = 2013 and month(day) > 5": [F, T, F, N, T],
    "date_diff('day', day::date, DATE '2013-06-02') > 5": [T, F, T, N, F],
    "class = 'x'": [T, F, F, T, N],
    "class = genres": [F, F, N, F, N],
    "shown = clicked": [T, F, T, T, F],
    "shown IS DISTINCT FROM clicked": [F, T, F, F, T],
    "price * 3 = 0.3": [T, F, F, N, F],
    "zero": [F, T, N, N, N],
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("expressions") / "x.parquet"
    pq.write_table(pa.table(COLUMNS), path)
    return path


def computed(table: Path, expression: str) -> list[bool | None]:
    reading = Reading("parquet")
    with Engine([table]) as engine:
        view = View.of(open_table(engine, [table], reading, list(COLUMNS)))
        query = build(engine, view, [], {"x": Asked(parse(expression), "flag")})
        return [value for batch in batches(engine, query) for value in batch["x"].to_pylist()]


@pytest.mark.parametrize("expression", RESULTS)
def test_expressions(table: Path, expression: str) -> None:
    assert computed(table, expression) == RESULTS[expression]


def test_an_expression_names_its_columns_and_what_it_compares_with() -> None:
    found = parse(""" seen and\n rating > "a-b" and x.y = 'NA' and list_filter(l, z -> z = w)""")
    assert found.columns == ("seen", "rating", "a-b", "x.y", "l", "w")
    assert found.compared == ("NA",)


NO_EXPRESSION = {
    "": "an expression is empty",
    "1 < 2": "names no column",
    "rating >=> 4": "unknown function",
    "rating >= 4 and (": "not SQL",
    "order > 3": "not SQL at character 1, `order > 3`.*a word of SQL goes in double quotes",
    "x is missing": r"not SQL at character 6, `missing`.*; write `IS NULL`",
    "x is not missing": "write `IS NOT NULL`",
    "1 < x <= 3": "comparisons cannot be chained; write such as `1 < x AND x <= 3`",
    "(a == 1) & (b == 2)": "write `AND`",
    "(a == 1) && (b == 2)": "write `AND`",
    "(a == 1) | (b == 2)": "write `OR`",
    "!a": "write `NOT`",
    "a == 1; b == 2": "several statements",
    "a == 1 -- b": "a comment",
    "a /* b */ == 1": "a comment",
    "a, b": "several values are not allowed",
    "*": "name one column",
    "a > (SELECT 1)": "a query inside an expression",
    "a IN (SELECT b FROM x)": "a query inside an expression",
    "a) FROM x WHERE (b": "a whole query is not allowed",
    "a > ?": "write the value",
    "avg(a) > 1": r"avg\(\) looks at all rows, test rows among them",
    "a > count(*)": "looks at all rows",
    "a > avg(a) OVER ()": "looks at other rows",
    "random() < a": r"random\(\) changes from run to run",
    "a > now()": "changes from run to run",
    "a > today()": "changes from run to run",
    "age(a) > b": "changes from run to run",
    "read_text('/etc/passwd') = a": "reaches beyond the table",
    "current_setting('threads') = a": "reaches beyond the table",
    "list_sum(range(a)) > 1": "values without end",
    "repeat(a, 1000000000) = 'x'": "values without end",
    "list_reduce(string_split(a, ''), (x, y) -> x || y) = 'b'": "values without end",
    "replace(replace(a, 'b', b), 'c', b) = 'x'": "replacements of replacements",
    "lenght(a) > 1": r"unknown function 'lenght' \(did you mean 'length'\?\)",
    "a = 'it\\'s'": "not SQL",
    "a > " + "1 + " * LONGEST + "1": f"{LONGEST} at most",
    "a > 1\0": "NUL",
    "(" * 600 + "a > 1": "too many operations are nested",
    "[" * 600 + "a": "too many operations are nested",
}


@pytest.mark.parametrize("text", NO_EXPRESSION)
def test_what_is_no_expression_is_refused_with_its_remedy(text: str) -> None:
    with pytest.raises(ConfigError, match=NO_EXPRESSION[text]) as error:
        parse(text)
    assert "\n" not in str(error.value)


NO_FIT = {
    "'a' in genres": r"genres is a text.*list_contains\(string_split\(genres, '\|'\), 'a'\)",
    "contains(genres, 'a')": "LIKE '%a%'",
    "rating = shown": "some values are numbers and some are not .*TRY_CAST",
    "rating > '4'": "letter by letter.*write 4 without quotes",
    "rating + 1 = 'x'": "texts and numbers do not mix",
    "seen = true or zero = 'x'": "texts and numbers do not mix",
    "seen = 1 || bought": "write `OR` between conditions",
    "tags > 5": "Cannot compare",
    "year(tags) = 5": "do not fit",
}


@pytest.mark.parametrize("text", NO_FIT)
def test_what_does_not_fit_its_columns_is_refused(table: Path, text: str) -> None:
    with pytest.raises(DataError, match=NO_FIT[text]) as error:
        computed(table, text)
    assert "\n" not in str(error.value)


def test_numbers_that_no_type_holds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n90071992547409931\n1e30\n")
    with Engine([path]) as engine:
        view = View.of(open_table(engine, [path], Reading(), ["a"]))
        with pytest.raises(DataError, match=r"above 2\^53 beside others"):
            build(engine, view, [], {"x": Asked(parse("a > 1"))})


@pytest.mark.parametrize("wrong", ["year(tags) = 5", "tags > 5"])
def test_among_several_the_expression_that_does_not_fit_is_named(table: Path, wrong: str) -> None:
    reading = Reading("parquet")
    with Engine([table]) as engine:
        view = View.of(open_table(engine, [table], reading, list(COLUMNS)))
        asked = {text: Asked(parse(text)) for text in ("seen", wrong, "rating > 3")}
        with pytest.raises(DataError, match=f"^`{re.escape(wrong)}`: "):
            build(engine, view, [], asked)
