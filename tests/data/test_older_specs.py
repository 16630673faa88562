"""Tables are prepared from the specs of earlier versions: what they do not say has its default."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from mtnas.data.sources._tabular import dataset
from mtnas.runtime.errors import ConfigError

ROOT = Path(__file__).parents[2]
TABLE = """
path: x.csv
joins: {books: {path: b.csv, on: [isbn]}}
fields: {user: {type: id}, at: {type: time, parts: [month, weekday, hour]}}
tasks: {likes: {sql: stars > 3}}
"""
SEVERAL = """
sources:
  one: {path: x.csv, fields: [user], tasks: {likes: stars > 3}}
  two: {path: y.csv, fields: [user], tasks: {asks: why = 'so'}}
"""
NEEDED = {"fields", "tasks", "sources", "sql", "on", "type"}


def _keys(spec: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the place of every key that a spec may do without."""
    for key, value in spec.items():
        is_name = bool(place) and place[-1] in ("joins", "fields", "tasks", "sources")
        if key not in NEEDED and not is_name:
            yield (*place, key)
        if isinstance(value, dict) and key not in ("on", "split"):
            yield from _keys(value, (*place, key))


def _without(spec: Mapping[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
    left = holder = deepcopy(dict(spec))
    for key in place[:-1]:
        holder = holder[key]
    del holder[place[-1]]
    return left


@pytest.mark.parametrize("keys", [TABLE, SEVERAL])
def test_a_spec_without_any_optional_key_reads_with_its_default(tmp_path: Path, keys: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(keys)
    now = dataset.load("mine", file).definition
    places = list(_keys(now or {}))
    assert len(places) > 20
    for place in places:
        found = dataset.load("mine", file, _without(now or {}, place)).definition
        assert found == ({**(now or {}), "joins": {}} if place == ("joins",) else now), place


def test_a_published_spec_whose_rules_are_no_sql_is_read() -> None:
    """Census-Income as it was published before tasks were SQL, without `joins` and many more."""
    facts = json.loads((ROOT / "results/published/data/census.json").read_text())
    rules = {
        "income": 'income_50k == "50000+."',
        "college": 'education in ["Masters degree(MA MS MEng MEd MSW MBA)", "O\'Hara"]',
    }
    older = facts["spec"]["definition"] | {"tasks": {k: {"rule": v} for k, v in rules.items()}}
    older.pop("joins", None)
    file = ROOT / "config/datasets/census.yaml"
    found = dataset.load("census", file, older)
    assert [task.rule.partition(": ")[0] for task in found.tasks] == [
        "\"income_50k\" = '50000+.'",
        "\"education\" IN ('Masters degree(MA MS MEng MEd MSW MBA)', 'O''Hara')",
    ]
    assert found.tasks[0].column == "income_50k"


def test_a_rule_that_is_not_known_is_refused_with_its_remedy(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("path: x.csv\nfields: [user]\ntasks: {likes: stars > 3}\n")
    older = {"fields": {"user": {}}, "tasks": {"likes": {"rule": "1 < stars < 3 or user is x"}}}
    with pytest.raises(ConfigError, match=r"tasks\.likes: the rule .*older.*key `sql`"):
        dataset.load("mine", file, older)
