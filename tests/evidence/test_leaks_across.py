"""Test rows of one source that another one is trained on: counted, and how labels agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mtnas.data.prepare.groups import group_keys, numbered
from mtnas.data.prepare.manifest import InputLayout, TaskSummary
from mtnas.data.prepare.store import Inputs, Table, read_compact
from mtnas.data.prepare.table import prepare
from mtnas.data.sources.sentiment_words import Dataset
from mtnas.data.text.sentiment import letters_of
from mtnas.evidence.leaks.across import COLUMNS, met_across
from mtnas.experiments.splits import split_of
from mtnas.runtime.errors import DataError
from tests.helpers.shared import real
from tests.helpers.tables import make_manifest

NAN = np.nan


@pytest.fixture
def table() -> Table:
    """Rows 0-4 are of a, 5-8 of b, 9-10 of c, whose task has classes; groups by letters."""
    tasks = (
        TaskSummary(name="good", rule="", source="a"),
        TaskSummary(name="fine", rule="", source="b"),
        TaskSummary(name="mood", rule="", kind="multiclass", classes=("x", "y"), source="c"),
    )
    labels = np.full((11, 3), NAN, np.float32)
    labels[:5, 0], labels[5:9, 1], labels[9:, 2] = [1, 0, 1, 1, 0], [1, 0, 0, 1], [0, 1]
    groups = [ord(name) - ord("a") if name != "-" else -1 for name in "abc-aaadbca"]
    return Table(
        Inputs(InputLayout(singles=0), np.zeros((11, 0), np.int32)),
        labels,
        np.zeros(11, np.int8),
        np.repeat(np.arange(3, dtype=np.int8), [5, 4, 2]),
        make_manifest(rows=11, tasks=tasks, sources=("a", "b", "c")),
        np.array(groups, np.int32),
    )


def _of(found: pd.DataFrame, tested: str, trained: str) -> list[float]:
    (line,) = found[(found.tested == tested) & (found.trained == trained)].to_numpy().tolist()
    return list(line[2:])


def test_test_rows_are_met_by_group(table: Table) -> None:
    found = met_across(table, np.array([5, 6, 7, 8, 9, 4]), np.array([0, 1, 2, 3, 10]))
    assert tuple(found.columns) == COLUMNS and len(found) == 9
    assert _of(found, "a", "b") == [4, 2, 0.5, 0.25]  # a: half of two rows agree; b: 0 is no 1
    assert _of(found, "a", "a") == [4, 1, 0.25, 0.0]
    tests, met, share, agreement = _of(found, "a", "c")
    assert (tests, met, share) == (4, 1, 0.25) and np.isnan(agreement)  # c has classes
    assert _of(found, "c", "b")[:3] == [1, 1, 1.0]
    tests, met, share, agreement = _of(found, "b", "a")
    assert (tests, met) == (0, 0) and np.isnan(share) and np.isnan(agreement)


def test_a_row_of_no_group_is_never_met(table: Table) -> None:
    found = met_across(table, np.array([3]), np.array([3]))
    assert found.met.sum() == 0


@pytest.mark.parametrize("lacking", ["groups", "source"])
def test_groups_and_sources_are_needed(table: Table, lacking: str) -> None:
    with pytest.raises(DataError, match="dataset 'insteval': "):
        met_across(replace(table, **{lacking: None}), np.arange(3), np.arange(3))


# Measured elsewhere on these files, for a split of its own: share of test sentences that stand in
# training, letter by letter.
MEASURED = {
    ("mr", "sst"): (0.528, 0.95),
    ("mr", "subj"): (0.333, None),
    ("sst", "mr"): (0.668, 0.96),
    ("sst", "subj"): (0.258, None),
    ("subj", "mr"): (0.335, None),
    ("subj", "sst"): (0.202, None),
    ("mpqa", "mpqa"): (0.303, 0.95),
}


@pytest.mark.parametrize("seed", [0, 3])
def test_the_leaks_of_the_real_sentences(seed: int, tmp_path: Path) -> None:
    files = {"table": tmp_path / "t.parquet", "manifest": tmp_path / "t.json"}
    prepare({"dataset": "sentiment_words"}, **files, raw=real("sentiment"))
    table = read_compact(files["table"], files["manifest"])
    split = split_of(table, seed, fixed=False)
    with_parts = met_across(table, split.train, split.test)
    letters = pa.array(map(letters_of, Dataset().texts(real("sentiment"))), pa.string())
    table = replace(table, groups=numbered([group_keys(letters)]))
    found = met_across(table, split.train, split.test)
    for (tested, trained), (share, agreement) in MEASURED.items():
        _, _, ours, agreed = _of(found, tested, trained)
        assert ours == pytest.approx(share, abs=0.05), (tested, trained)
        assert agreement is None or agreed == pytest.approx(agreement, abs=0.02)
    others = [tuple(pair) not in MEASURED for pair in found[["tested", "trained"]].to_numpy()]
    assert found[others].share.max() < 0.03
    assert (with_parts.met >= found.met).all()
    more = {pair: _of(with_parts, *pair)[1] - _of(found, *pair)[1] for pair in MEASURED}
    assert more["sst", "mr"] > 200 and more["mr", "sst"] > 50  # snippets of MR, cut into several
