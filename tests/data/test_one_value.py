"""One value has one text, whatever the file it is in: true, whole numbers, decimals."""

import io
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.conftest import Own

# What is written in a CSV, what has a type, and the text of both.
SAME: dict[str, tuple[list[str], list[Any], list[str]]] = {
    "true and false": (["True", "False", "TRUE"], [True, False, True], ["true", "false", "true"]),
    "whole numbers": (["3.0", "3", "-7.00"], [3.0, 3.0, -7.0], ["3", "3", "-7"]),
    "nothing but zeros": (["-0.0", "0.0", "0"], [-0.0, 0.0, 0.0], ["0", "0", "0"]),
    "decimals": (["3.5", "0.1", "12.0"], [3.5, 0.1, 12.0], ["3.5", "0.1", "12"]),
    "decimals of a scale": (
        ["3.50", "4.00", "0.05"],
        [Decimal("3.50"), Decimal("4.00"), Decimal("0.05")],
        ["3.50", "4", "0.05"],
    ),
    "texts that look alike": (["007.0", "v1.0", "1.10"], ["007.0", "v1.0", "1.10"], []),
}


def _files(written: list[str], typed: list[Any]) -> dict[str, str | bytes]:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": typed, "v": [1, 2, 3]}), buffer)
    files: dict[str, str | bytes] = {
        "x.csv": "x,v\n" + "".join(f"{text},{i}\n" for i, text in enumerate(written, 1)),
        "x.parquet": buffer.getvalue(),
    }
    if not any(isinstance(x, Decimal) for x in np.ravel(typed)):
        lines = [json.dumps({"x": x, "v": i}) for i, x in enumerate(typed, 1)]
        files["x.jsonl"] = "\n".join(lines)
    return files


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("kind", ["category", "list"])
def test_one_value_has_one_text_in_every_format(own: Own, case: str, kind: str) -> None:
    written, typed, texts = SAME[case]
    right: list[Any] = texts or written
    if kind == "list":
        typed, right = [[x] for x in typed], [[text] for text in right]
    for name, content in _files(written, typed).items():
        more = ", separator: '|'" if kind == "list" and name == "x.csv" else ""
        keys = f"path: {name}\nfields: {{x: {{type: {kind}{more}}}}}\ntasks: {{t: v > 1}}\n"
        assert own(keys, {name: content}).columns["x"] == right, name


@pytest.mark.parametrize("case", ["true and false", "whole numbers"])
def test_one_class_has_one_name(own: Own, case: str) -> None:
    written, typed, texts = SAME[case]
    for listed in (sorted(set(texts)), sorted(set(written))[:2], None):
        for name, content in _files(written, typed).items():
            of = f", classes: {json.dumps(listed)}" if listed else ""
            task = f"{{kind: multiclass, sql: x{of}}}"
            keys = f"path: {name}\nfields: [v]\ntasks: {{t: {task}}}\n"
            found = own(keys, {name: content}).columns["t"]
            known = {text: text for text in texts}
            known |= dict(zip(written, texts, strict=True))
            names = {known[text]: text for text in reversed(listed or texts)}
            assert found == [names.get(text) for text in texts], (name, listed)


def test_computed_decimals_do_not_depend_on_other_rows(own: Own) -> None:
    keys = "path: x.csv\nfields: {x: {sql: price + 0}}\ntasks: {t: v > 1}\n"
    for last in ("2.25", "2"):
        found = own(keys, {"x.csv": f"price,v\n3.5,1\n1.0,2\n{last},3\n"}).columns["x"]
        assert found == ["3.5", "1", last]


def test_the_parts_of_a_split_and_the_rows_of_a_matrix_are_found_by_it(own: Own) -> None:
    matrix = io.BytesIO()
    pq.write_table(pa.table({"id": [1.0, 2.0, 3.0], "f": [0.5, 1.5, 2.5]}), matrix)
    keys = """
path: x.csv
fields: {m: {type: features, path: m.parquet, key: id}}
tasks: {t: v > 1}
split: {column: fold, train: ['1.0'], valid: [2], test: [3.0]}
"""
    rows = "id,fold,v\n1.0,1,1\n2,2.0,2\n3.00,3,3\n"
    found = own(keys, {"x.csv": rows, "m.parquet": matrix.getvalue()}).columns
    assert found["m"] == [0, 1, 2]
    assert found["split"] == [0, 1, 2]
