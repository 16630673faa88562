"""How seeds came to their rows, from what manifests and records tell."""

import numpy as np
import pytest

from mtnas.data.prepare.manifest import PrepareSpec
from mtnas.data.prepare.splits import SPLITS
from mtnas.data.prepare.store import read_compact
from mtnas.evidence.records import DataFacts
from mtnas.evidence.resampling import FIXED, INDEPENDENT, at_share, share_drawn_anew
from mtnas.experiments.splits import split_of
from mtnas.runtime.errors import RecordError
from tests.helpers.tables import make_manifest, write_table

SIZES = {"train": 70, "valid": 20, "test": 10}
SOURCES = {
    "a": {"train": 80, "valid": 10, "test": 10},
    "b": {"train": 50, "valid": 25, "test": 25},
    "given": {"train": 10, "valid": 10, "test": 80},
}
DISJOINT = PrepareSpec(dataset="toys", splits="disjoint")


@pytest.mark.parametrize(
    ("manifest", "job", "expected"),
    [
        ({"split_sizes": SIZES}, {}, at_share(1 / 7)),
        ({"split_sizes": SIZES}, {"fixed": True}, FIXED),
        ({"split_sizes": SIZES}, {"drawn": True}, INDEPENDENT),
        ({"split_sizes": SIZES}, {"drawn": True, "fixed": True}, FIXED),
        ({"split_sizes": SIZES, "split_kind": "time"}, {}, FIXED),
        ({"source_sizes": SOURCES, "fixed_sources": ("given",)}, {}, at_share(0.5)),  # that of b
        ({"source_sizes": SOURCES, "fixed_sources": tuple(SOURCES)}, {}, FIXED),
        ({"split_sizes": SIZES, "spec": DISJOINT}, {}, at_share(1 / 7, folds=10)),
        ({"split_sizes": SIZES, "spec": DISJOINT}, {"fixed": True}, FIXED),
    ],
)
def test_records_tell_how_seeds_came_to_their_rows(manifest, job, expected):
    facts = DataFacts.of(make_manifest(**manifest))
    assert DataFacts.model_validate(facts.model_dump(mode="json")) == facts
    assert facts.resampling(**{"drawn": False, "fixed": False, **job}) == expected


def test_other_parts_have_shares_of_their_own():
    assert share_drawn_anew(make_manifest(split_sizes=SIZES), "valid") == pytest.approx(2 / 7)


def test_records_that_do_not_tell_are_refused_where_it_matters():
    older = DataFacts(content_sha256="c" * 64, source_sha256={}, split_kind="random")
    assert "test_share" not in older.model_dump(mode="json")
    with pytest.raises(RecordError, match="how many rows are for test.*; delete it and make"):
        older.resampling(drawn=False, fixed=False)
    assert older.resampling(drawn=True, fixed=False) == INDEPENDENT
    assert older.resampling(drawn=False, fixed=True) == FIXED
    by_time = older.model_copy(update={"split_kind": "time"})
    assert by_time.resampling(drawn=False, fixed=False) == FIXED


def test_seeds_of_a_table_with_disjoint_splits_test_disjoint_rows(tmp_path):
    rng = np.random.default_rng(0)
    parts = np.repeat(np.arange(3, dtype=np.int8), [35, 10, 5])
    labels = rng.integers(2, size=(50, 1)).astype(np.float32)
    ids = np.arange(50, dtype=np.int32)[:, None]
    paths = write_table(tmp_path / "t.parquet", ids, labels, parts, spec=DISJOINT)
    table = read_compact(paths["table"], paths["manifest"])
    splits = [split_of(table, seed, fixed=False) for seed in range(10)]
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(50))
    for split in splits:
        parts = (split.train, split.valid, split.test)
        assert dict(zip(SPLITS, map(len, parts), strict=True)) == table.manifest.split_sizes
        assert len(set(np.concatenate(parts))) == 50
