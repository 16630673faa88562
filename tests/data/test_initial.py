"""Embeddings that begin as given vectors: prepared by id, and taken by every model."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml

from mtnas import study as studies
from mtnas.data.prepare.hashing import hash_column
from mtnas.data.prepare.store import Table
from mtnas.experiments.assembly import assemble
from mtnas.runtime.errors import ConfigError, DataError, RecordError
from mtnas.study.specs import RunSpec
from mtnas.training.initial import begin_as_given
from tests.helpers.columns import Columns, alternating, prepared
from tests.helpers.tables import read_hashed

ROWS = 40
BAGS = [["a", "b"], ["b", "c", "d"]] * (ROWS // 2)
VECTORS = {"a": [1.0, 0.0], "d": [0.5, -0.5], "never": [9.0, 9.0]}


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(vectors: Any = VECTORS, more: Any = (), **spec: Any) -> Table:
        given = {"words": (pa.array([*vectors]), np.array([*vectors.values()], np.float32))}
        columns = {"words": BAGS, "user": [f"u{i}" for i in range(ROWS)], "t": alternating(ROWS)}
        dataset = Columns(
            columns,
            {"words": "list", "user": "id"},
            {"t": "binary"},
            initial=lambda _: {**given, **dict(more)} if vectors else {},
        )
        return prepared(dataset, tmp_path, monkeypatch, **spec)

    return run


def _beginning(table: Table, folder: Path) -> dict[str, Any]:
    """Return what the embedding of each word begins as."""
    ids = table.inputs.ids[:, -3:]  # the bag
    assert table.initial is not None
    filler = table.manifest.num_ids
    found = {}
    for words, own in zip(BAGS, ids, strict=True):
        for word, number in zip(words, own[own < filler], strict=True):
            found[word] = table.initial[number].tolist()
    return found


def test_every_id_has_the_vector_of_its_value(prepare: Any, tmp_path: Path) -> None:
    table = prepare()
    assert table.initial.shape == (table.manifest.num_ids, 2)
    assert table.manifest.initial_width == 2
    found = _beginning(table, tmp_path)
    assert (found["a"], found["d"]) == ([1.0, 0.0], [0.5, -0.5])
    assert np.isnan(found["b"]).all() and np.isnan(found["c"]).all()
    assert np.isnan(table.initial).all(axis=1).sum() == len(table.initial) - 2


def test_without_vectors_nothing_is_told(prepare: Any) -> None:
    table = prepare(vectors={})
    assert table.initial is None
    assert "initial_width" not in table.manifest.to_json()


def test_of_values_with_one_id_the_first_counts(prepare: Any) -> None:
    vectors = {f"w{n}": [float(n), 0.0] for n in range(30)}  # two ids for all of them
    table = prepare(vectors=vectors, num_features=2)
    assert table.manifest.num_ids == 2
    hashed = hash_column(pa.array([*vectors]), "words", 2)
    firsts = [float(np.flatnonzero(hashed == number)[0]) for number in (0, 1)]
    assert sorted(table.initial[:, 0].tolist()) == sorted(firsts)


def test_the_content_hash_covers_the_vectors(prepare: Any) -> None:
    digests = {prepare(vectors=v).manifest.content_sha256 for v in ({}, VECTORS, {"a": [2.0, 0.0]})}
    assert len(digests) == 3


def test_a_changed_file_is_refused(prepare: Any, tmp_path: Path) -> None:
    prepare()
    file = tmp_path / "t.inputs" / "initial.embeddings.npy"
    np.save(file, np.load(file) + 1)
    with pytest.raises(RecordError, match="was changed after it was written"):
        read_hashed(tmp_path / "t.parquet", tmp_path / "t.json")


@pytest.mark.parametrize(
    ("vectors", "more", "message"),
    [
        ({"a": [np.inf, 0.0]}, (), "field 'words': .* not finite"),
        (VECTORS, {"user": (pa.array(["u1"]), np.ones((1, 3), np.float32))}, r"widths \[2, 3\]"),
    ],
)
def test_vectors_that_cannot_be_are_refused(
    prepare: Any, vectors: Any, more: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        prepare(vectors=vectors, more=more)


def test_vectors_of_a_dropped_field_are_left_out(prepare: Any) -> None:
    assert prepare(drop_fields=["words"]).initial is None


def _spec(**training: Any) -> RunSpec:
    return RunSpec.of(
        {
            "dataset": "columns",
            "method": "share_bottom",
            "variant": "paper",
            "seeds": [0, 1],
            "options": {"hidden_dim": 3},
            "training": {"embedding_dim": 2, **training},
        }
    )


def test_models_begin_with_the_vectors(prepare: Any, tmp_path: Path) -> None:
    table = prepare()
    files = {"table": tmp_path / "t.parquet", "manifest": tmp_path / "t.json"}
    made = assemble(_spec(), **files)
    drawn = made.ensemble(made.members([0, 1], {})).table_MNE
    given = torch.from_numpy(~np.isnan(table.initial).any(axis=1))
    expected = torch.from_numpy(table.initial)[given]
    assert drawn.shape == (2, table.manifest.num_ids + 1, 2)  # one row fills up bags
    for member in drawn:
        torch.testing.assert_close(member[:-1][given], expected)
    others = drawn[:, :-1][:, ~given]
    assert (others[0] != others[1]).all() and others.abs().max() < 0.1


def test_tables_of_all_tasks_begin_alike() -> None:
    table_MNE = torch.zeros(1, 3, 4)  # two readers of width two
    begin_as_given(table_MNE, np.array([[1, 2], [np.nan, np.nan]], np.float32))
    assert table_MNE[0].tolist() == [[1, 1, 2, 2], [0] * 4, [0] * 4]


@pytest.mark.parametrize("decay", [0, 5e-4])
def test_weight_decay_that_wipes_out_the_vectors_is_told(
    prepare: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, decay: float
) -> None:
    prepare()
    files = {"table": tmp_path / "t.parquet", "manifest": tmp_path / "t.json"}
    caplog.clear()
    assemble(_spec(weight_decay=decay), **files)
    begins = "training.weight_decay: 0.0005 takes the vectors"
    assert sum(text.startswith(begins) for text in caplog.messages) == bool(decay)


def test_the_study_of_sentences_keeps_its_vectors() -> None:
    config = Path(__file__).parents[2] / "config" / "sentiment.yaml"
    study = studies.load(yaml.safe_load(config.read_text()))
    decay = {
        name: studies.run_spec(study, name, "share_bottom", "paper").training.weight_decay
        for name in ("sentiment_words", "sentiment_tuned")
    }
    assert decay["sentiment_tuned"] == 0 < decay["sentiment_words"]


def test_another_width_is_refused(prepare: Any, tmp_path: Path) -> None:
    prepare()
    files = {"table": tmp_path / "t.parquet", "manifest": tmp_path / "t.json"}
    with pytest.raises(ConfigError, match=r"embedding_dim: 5, .* vectors of width 2; set it"):
        assemble(_spec(embedding_dim=5), **files)
