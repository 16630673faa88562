"""Groups of rows that are one example seen several times, and sources with a split of their own."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data import sources
from mtnas.data.prepare.groups import GroupNames, is_leak
from mtnas.data.prepare.splits import assign_by_source
from mtnas.data.sources.base import Task
from mtnas.runtime.errors import ConfigError, DataError
from tests.data.conftest import Own
from tests.helpers.columns import Columns, alternating, prepared
from tests.helpers.tables import make_manifest

ROWS = 60
SOURCE = np.repeat([0, 1], [40, 20])
PARTS = [-1] * 40 + [0] * 12 + [1] * 4 + [2] * 4


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Prepare two sources, of which the second has its own split."""

    def run(columns: Any = None, fields: Any = None, **own: Any) -> Any:
        labels = alternating(ROWS)
        given = {
            "user": [f"u{row}" for row in range(ROWS)],
            "a": [label if s == 0 else None for label, s in zip(labels, SOURCE, strict=True)],
            "b": [label if s == 1 else None for label, s in zip(labels, SOURCE, strict=True)],
            "source": SOURCE.tolist(),
            "split": PARTS,
            **(columns or {}),
        }
        tasks = {key: Task(key, key, f"its {key}", source=key) for key in ("a", "b")}
        settings = {"source_names": ("a", "b"), "fixed_sources": ("b",), **own}
        dataset = Columns(given, fields or {"user": "id"}, tasks, **settings)
        return prepared(dataset, tmp_path, monkeypatch)

    return run


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["x", "y", "x"], [0, 1, 0]),
        (["x", None, "", "x"], [0, -1, -1, 0]),
        ([None], [-1]),
        (["x"], [0]),
    ],
)
def test_equal_texts_have_one_number(texts: list[Any], expected: list[int]) -> None:
    names = GroupNames()
    for text in texts:  # in pieces
        names.add(pa.array([text], pa.string()))
    found = names.numbered()
    assert found.dtype == np.int32
    first: dict[int, int] = {}
    renamed = [-1 if n < 0 else first.setdefault(n, len(first)) for n in found.tolist()]
    assert renamed == expected
    assert set(found.tolist()) - {-1} == set(range(len(first)))


# Names of groups, and how many of them only their spelling keeps apart, with an example.
SPELLINGS: dict[str, tuple[list[str | None], int, str]] = {
    "a zero at the end": (["3.50", "3.5", "4"], 1, "'3.50' and '3.5'"),
    "a point": (["7.", "7", "8"], 1, "'7.' and '7'"),
    "a zero before, and decimals": (["7", "07", "7.0", "8", "08"], 2, "'[78]'"),
    "signs": (["+7", "7", "-0", "0", ".5", "0.50"], 3, "'\\+7' and '7'"),
    "no canonical one": (["007", "07", "ANN", "Ann"], 2, "'007' and '07'"),
    "capital letters": (["Ann", "ann", "bob"], 1, "'Ann' and 'ann'"),
    "blanks": (["ann ", "ann", None, ""], 1, "'ann ' and 'ann'"),
    "two ways to write a letter": (["caf\u00e9", "cafe\u0301"], 1, "caf"),
    "other numbers": (["70", "7", "0.5", "5", "-7", "700"], 0, ""),
    "one spelling each": (["Ann", "Bob", "3.50", "4.10"], 0, ""),
    "none": ([None, ""], 0, ""),
}


@pytest.mark.parametrize("case", SPELLINGS)
@pytest.mark.parametrize("pieces", [1, 2])
def test_names_of_groups_that_only_spelling_keeps_apart_are_told(case: str, pieces: int) -> None:
    texts, number, example = SPELLINGS[case]
    names = GroupNames()
    for piece in (texts[::pieces], texts[1::2])[:pieces]:
        names.add(pa.array(piece, pa.string()))
    told = names.warnings()
    assert len(told) == (number > 0)
    for text in told:
        assert re.search(f"group: {number} names .*{example}.* count as different groups", text)


@pytest.mark.parametrize("group", ["user", "lower(trim(user))", "CAST(user AS DOUBLE)"])
def test_the_remedy_for_spellings_of_groups_helps(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    users = ["3.5", "3.50", "04", "4"] if "DOUBLE" in group else ["ann", "Ann", "bob", "BOB"]
    rows = "".join(f"{users[row % 4]},i{row % 3},{row % 5}\n" for row in range(40))
    keys = "path: x.csv\nfields: [item]\ntasks: {l: r > 2}\n"
    own(keys + f"group: {group}\n", {"x.csv": "user,item,r\n" + rows})
    facts = prepared(sources.load("mine"), tmp_path / "out", monkeypatch).manifest
    told = [text for text in facts.warnings if text.startswith("group: 2 names")]
    assert facts.groups.count == (4 if told else 2)
    assert bool(told) == (group == "user")


def test_a_training_row_is_a_leak_if_its_group_is_judged() -> None:
    groups = np.array([0, 1, 2, -1, 0, -1, 2], np.int32)
    found = is_leak(groups, np.array([0, 1, 2, 3]), np.array([4, 5]))
    assert found.tolist() == [True, False, False, False]
    assert not is_leak(np.array([-1, -1], np.int32), np.array([0]), np.array([1])).any()


def test_a_source_keeps_its_own_split(prepare: Any) -> None:
    table = prepare()
    assert table.manifest.fixed_sources == ("b",)
    assert table.split[40:].tolist() == PARTS[40:]
    assert np.bincount(table.split[:40]).tolist() == [24, 8, 8]
    assert table.groups is None
    assert not {"groups", "encoding"} & table.manifest.to_json().keys()
    sizes = [(24, 8, 8), None]
    source = SOURCE.astype(np.int8)
    others = [assign_by_source(ROWS, source, sizes, seed, table.split) for seed in (0, 1)]
    assert others[0].tolist() == table.split.tolist()
    assert others[1][:40].tolist() != table.split[:40].tolist()
    assert others[1][40:].tolist() == PARTS[40:]


@pytest.mark.parametrize("parts", [[0] * 16 + [1] * 4, [0] * 12 + [1] * 4 + [3] * 4])
def test_a_split_of_its_own_has_three_parts(prepare: Any, parts: list[int]) -> None:
    with pytest.raises(DataError, match="source 'b' has its own split, with .* none may be empty"):
        prepare({"split": [-1] * 40 + parts})


def test_a_row_of_a_fixed_source_is_in_a_part(prepare: Any) -> None:
    with pytest.raises(DataError, match=r"and 1 in none; every row must be in one of the three"):
        prepare({"split": [-1] * 41 + PARTS[41:]})


def test_nothing_new_is_told_of_other_tables() -> None:
    told = make_manifest().to_json()
    assert not {"groups", "encoding", "fixed_sources"} & told.keys()


def test_a_table_tells_its_groups(prepare: Any, tmp_path: Path) -> None:
    pairs = [f"g{row % 30}" for row in range(ROWS - 1)] + [None]
    table = prepare({"group": pairs}, group="the same story")
    assert table.groups.tolist() == pq.read_table(tmp_path / "t.parquet")["group"].to_pylist()
    assert table.groups[-1] == -1 and table.groups[0] == table.groups[30] != table.groups[1]
    facts = table.manifest.groups
    assert (facts.what, facts.count, facts.rows_together) == ("the same story", 30, 58)
    judged = {group for group, part in zip(pairs, table.split, strict=True) if part > 0}
    met = [
        sum(pairs[row] in judged for row in np.flatnonzero((table.split == 0) & (s == SOURCE)))
        for s in (0, 1)
    ]
    assert facts.train_rows_met == {"a": met[0], "b": met[1]}
    assert json.loads((tmp_path / "t.json").read_text())["groups"]["count"] == 30


def test_the_content_hash_covers_the_groups(prepare: Any) -> None:
    first, second = (
        prepare({"group": [f"g{row % size}" for row in range(ROWS)]}, group="g").manifest
        for size in (30, 20)
    )
    assert first.content_sha256 != second.content_sha256


def test_no_field_may_be_called_like_the_group(prepare: Any) -> None:
    with pytest.raises(DataError, match="have the name 'group'"):
        prepare({"group": ["g"] * ROWS}, {"group": "id"}, group="g")


KEYS = """
path: loans.csv
fields: [reader]
tasks: {likes: stars > 3}
"""
LOANS = "reader,title,stars\nann,Emma,4\nbob,EMMA,1\ncat,,5\ndan,Ulysses,2\n"


def test_a_file_says_what_a_group_is(own: Own) -> None:
    found = own(KEYS + "group: lower(title)\n", {"loans.csv": LOANS}).columns["group"]
    assert found == ["emma", "emma", None, "ulysses"]
    assert "group" not in own(KEYS, {"loans.csv": LOANS}).columns


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("group: lower(tite)", "group .*title"),
        ("group: lower(", "not SQL"),
        ("group: [title, title]", "group"),
        ("group: string_split(title, ' ')", "which names no group"),
    ],
)
def test_a_group_that_is_none_is_refused(own: Own, key: str, message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        own(KEYS + key + "\n", {"loans.csv": LOANS})


def test_without_groups_a_file_is_defined_as_before(own: Own) -> None:
    own(KEYS, {"loans.csv": LOANS})
    assert "group" not in (sources.load("mine").definition or {})
    own(KEYS + "group: title\n", {"loans.csv": LOANS})
    definition = sources.load("mine").definition or {}
    assert definition["group"] == "title"
    assert sources.load("mine", definition=definition).group == "title"
