"""Typed records: what is read is what was written, or one message says what is wrong."""

import json

import pytest

from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import advising, read_json, write_record
from mtnas.runtime.record import Part, Record


class Score(Part):
    """A score."""

    value: float


class Toy(Record):
    """A toy record: for these tests alone."""

    name: str
    scores: dict[int, Score]


TOY = Toy(name="x", scores={3: Score(value=0.1 + 0.2)})


def test_a_record_is_read_as_it_was_written(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("1\n")
    TOY.write(tmp_path / "toy.json", [table])

    read = Toy.read(tmp_path / "toy.json")

    assert (read.name, read.scores) == (TOY.name, TOY.scores)
    read.check(table)
    table.write_text("2\n")
    with pytest.raises(RecordError, match="table.csv: was changed after it was written"):
        read.check(table)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "x"}, "not a toy record: the key 'scores' is missing"),
        ({"name": "x", "scores": {}, "nmae": 1}, "unknown key 'nmae' .*did you mean 'name'"),
        (
            {"name": "x", "scores": {"0": {"value": "high"}}},
            "scores.0.value: 'high' should be a valid number",
        ),
        ({"name": "x", "scores": {"a": {"value": 1}}}, "scores.a"),
    ],
)
def test_a_record_of_another_kind_is_refused(tmp_path, content, message):
    path = tmp_path / "toy.json"
    write_record(path, content)
    with pytest.raises(RecordError, match=f"toy.json: .*{message}.*; delete it and run"):
        Toy.read(path)


def test_nothing_that_is_no_number_is_written(tmp_path):
    with pytest.raises(ValueError, match="finite"):
        Toy(name="x", scores={0: Score(value=float("nan"))})


def test_another_remedy_can_be_named(tmp_path):
    path = tmp_path / "toy.json"
    TOY.write(path)
    path.write_text(json.dumps({**read_json(path), "name": "y"}))
    with pytest.raises(RecordError, match=r"differs\); ask somebody$"), advising("ask somebody"):
        Toy.read(path)
