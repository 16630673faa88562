"""Tables as people have them: what is read, what is counted, and what a message tells to do."""

import pyarrow as pa
import pytest

from mtnas.runtime.errors import DataError
from tests.data.conftest import Own
from tests.data.test_own_sources import parquet

# What is wrong with the values of column y, and what the message tells to do.
REMEDIES: dict[str, tuple[str, list[str], str]] = {
    "a unit": ("regression", ["3 min", "4 min", "5"], r"take its unit off: `CAST\(regexp_replace"),
    "percent": ("regression", ["60%", "40%", ".7"], "take its unit off"),
    "a currency": ("regression", ["$5", "$ 7.50", "1"], "take its unit off"),
    "thousands": ("regression", ['"1,234.50"', '"1,000,000"', "3"], "take the commas out"),
    "a comma": ("regression", ['"1,5"', '"2,25"', "3"], "give `decimal: ','`"),
    "a month": ("regression", ["Mar-2018", "Jan-2018", "2"], "such as '%d %b %Y'"),
    "a word that begins as a month": ("regression", ["12 marks", "5", "x"], "take its unit off"),
    "a date": ("regression", ["31.12.2024", "1/2/24", "3"], "give its `time_format`"),
    "yes and no": ("binary", ["Yes", "No", "1"], "compare it, as in `x = 'yes'`"),
    "anything else": ("binary", ["late", "early", "1"], "correct its type or the expression"),
}


@pytest.mark.parametrize("case", REMEDIES)
def test_a_value_that_cannot_be_read_tells_what_to_do(own: Own, case: str) -> None:
    kind, values, remedy = REMEDIES[case]
    keys = f"path: x.csv\nfields: [a]\ntasks: {{t: {{kind: {kind}, sql: y}}}}\n"
    rows = "".join(f"{i},{value}\n" for i, value in enumerate(values))
    with pytest.raises(DataError, match=remedy):
        own(keys, {"x.csv": f"a,y\n{rows}"})


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("CAST(regexp_replace(y, '[^0-9.-]', '', 'g') AS DOUBLE)", ["3 min", "$4.5", "-5%"]),
        ("CAST(replace(y, ',', '') AS DOUBLE)", ["3", '"4,000.5"', "-5"]),
    ],
)
def test_the_remedies_work(own: Own, sql: str, values: list[str]) -> None:
    keys = f'path: x.csv\nfields: [a]\ntasks: {{t: {{kind: regression, sql: "{sql}"}}}}\n'
    rows = "".join(f"{i},{value}\n" for i, value in enumerate(values))
    found = own(keys, {"x.csv": f"a,y\n{rows}"}).columns["t"]
    assert found in ([3, 4.5, -5], [3, 4000.5, -5])


LISTS = "a,v\n\"['x', 'y']\",1\n\"['x']\",2\n[],2\n"


def test_lists_as_programs_write_them_are_refused_with_what_reads_them(own: Own) -> None:
    keys = "path: x.csv\nfields: {a: {type: list, separator: ','KEYS}}\ntasks: {t: v > 1}\n"
    with pytest.raises(DataError, match=r"without brackets: .*`sql: translate\(x"):
        own(keys.replace("KEYS", ""), {"x.csv": LISTS})
    sql = ", sql: \"translate(a, '[]''', '')\""
    found = own(keys.replace("KEYS", sql), {"x.csv": LISTS})
    assert found.columns["a"] == [["x", "y"], ["x"], ["unknown"]]
    meant = own(keys.replace("KEYS", ""), {"x.csv": 'a,v\n"[x],[y]",1\n[z],2\n'})
    assert meant.columns["a"] == [["[x]", "[y]"], ["[z]"]]


@pytest.mark.parametrize(
    ("sql", "labels"),
    [
        ("CASE WHEN p > 1 THEN 1 ELSE 0 END", [0, 1, 1, 0]),
        ("coalesce(p, 0) > 1", [0, 1, 1, 0]),
        ("p > 1 OR q = 'k'", [1, 1, 1, 0]),
    ],
)
def test_what_an_expression_cannot_read_is_counted_where_it_gives_a_value(
    own: Own, sql: str, labels: list[int]
) -> None:
    rows = {"x.csv": "a,p,q\nx,abc,k\ny,2,l\nz,3,k\nw,0,l\n"}
    found = own(f'path: x.csv\nfields: [a]\ntasks: {{t: "{sql}"}}\n', rows)
    assert (found.columns["t"], found.replaced) == (labels, {"t: p is no number": 1})
    field = f"path: x.csv\nfields: {{f: {{sql: \"{sql}\"}}}}\ntasks: {{t: a = 'x'}}\n"
    found = own(field, rows)
    assert found.replaced == {"f: p is no number": 1}
    assert len(set(found.columns["f"])) == 2


@pytest.mark.parametrize(("values", "warned"), [(["NA", "NL"], 1), (["NA", "Rome"], 0)])
def test_namibia_is_thought_of(own: Own, values: list[str], warned: int) -> None:
    rows = "".join(f"{value},{i}\n" for i, value in enumerate(values))
    keys = "path: x.csv\nfields: [land]\ntasks: {t: v > 0}\n"
    found = own(keys, {"x.csv": f"land,v\n{rows}"})
    assert [("Namibia" in text) for text in found.warnings] == [True] * warned
    own_list = own(f"missing: ['']\n{keys}", {"x.csv": f"land,v\n{rows}"})
    assert own_list.columns["land"] == values
    assert not any("Namibia" in text for text in own_list.warnings)


NAMIBIA = {
    "of a joined table": ("joins: {b: {path: b.csv, on: k}}\nfields: [b.land]\n", ["NA", "NL"], 1),
    "in an expression": ("fields: {f: {sql: lower(land)}}\n", ["NA", "NL"], 1),
    "without any value": ("fields: [land, k]\n", ["NA", "NA"], 0),
}


@pytest.mark.parametrize("case", NAMIBIA)
def test_namibia_is_thought_of_everywhere(own: Own, case: str) -> None:
    keys, values, warned = NAMIBIA[case]
    rows = "".join(f"{value},{i},k{i}\n" for i, value in enumerate(values))
    files = {"x.csv": f"land,v,k\n{rows}", "b.csv": f"land,v,k\n{rows}"}
    found = own(f"path: x.csv\n{keys}tasks: {{t: v > 0}}\n", files)
    assert [text for text in found.warnings if "Namibia" in text][1:] == []
    assert any("Namibia" in text for text in found.warnings) == bool(warned)


FILES = {
    "a semicolon": ("x.csv", "a;v\nx;1,5\ny;2,25\n", 'give such as `delimiter: ";"`'),
    "a note of a spreadsheet": ("x.csv", "sep=;\na;v\nx;1\ny;2\n", "give `skip: 1`"),
    "a list of objects": ("x.json", '[{"a": 1, "v": 1},\n{"a": 2, "v": 2}]\n', r"jq -c '.\[\]'"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_something_else_tells_how_to_read_it(own: Own, case: str) -> None:
    name, content, remedy = FILES[case]
    more = "delimiter: ;\n" if "note" in case else ""
    with pytest.raises(DataError, match=remedy):
        own(f"path: {name}\n{more}fields: [a]\ntasks: {{t: v > 1}}\n", {name: content})


def test_large_floats_are_ids_as_a_csv_has_them(own: Own) -> None:
    numbers = [9007199254740992.0, 1e15, 12.0, 1.5]
    keys = "path: FILE\nfields: [a]\ntasks: {t: v > 1}\n"
    rows = "".join(f"{number!r},{i}\n" for i, number in enumerate(numbers))
    right = ["9007199254740992", "1000000000000000", "12", "1.5"]
    typed = parquet(a=pa.array(numbers), v=[0, 1, 2, 3])
    assert own(keys.replace("FILE", "x.parquet"), {"x.parquet": typed}).columns["a"] == right
    assert own(keys.replace("FILE", "x.csv"), {"x.csv": f"a,v\n{rows}"}).columns["a"] == right
