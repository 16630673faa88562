"""Hashing, splitting, storing and the manifest."""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import pearsonr

from mtnas.data import sources
from mtnas.data.prepare import hashing, vocabulary
from mtnas.data.prepare.hashing import hash_column
from mtnas.data.prepare.manifest import Count, Manifest
from mtnas.data.prepare.splits import assign_split, split_sizes
from mtnas.data.prepare.store import ContentHash, Table, read_compact
from mtnas.data.prepare.table import prepare
from mtnas.runtime.files import sha256_of
from tests.helpers.tables import read_hashed

SPEC: dict[str, Any] = {
    "dataset": "insteval",
    "num_features": None,
    "drop_fields": [],
    "split": None,
    "split_seed": 0,
}
Prepare = Callable[..., Table]


@pytest.fixture
def run(tmp_path: Path) -> Prepare:
    """Prepare InstEval with changes to the default spec and read it back."""

    def run(**changes: Any) -> Table:
        table, manifest = tmp_path / "t.parquet", tmp_path / "t.json"
        prepare({**SPEC, **changes}, table=table, manifest=manifest)
        return read_hashed(table, manifest)

    return run


def papers_id(field: str, value: str, num_features: int) -> int:
    digest = hashlib.md5(f"{field}={value}".encode()).hexdigest()
    return int(digest, 16) % num_features


def test_a_value_has_the_id_of_the_papers_recipe() -> None:
    ids = hash_column(pa.array(["276725"]), "user", 1_000_000)
    assert ids.tolist() == [papers_id("user", "276725", 1_000_000)]


def test_fields_do_not_share_their_values() -> None:
    value = pa.array(["1"])
    users, movies = (hash_column(value, field, 10**9) for field in ("user", "movie"))
    assert users.tolist() != movies.tolist()


def test_hash_column_hashes_each_value_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []

    def spy(text: bytes, **options: bool) -> Any:
        hashed.append(text)
        return hashlib.md5(text, **options)

    monkeypatch.setattr(hashing, "md5", spy)
    ids = hash_column(pa.array(["a", "b", "a"]), "f", 97)
    assert hashed == [b"f=a", b"f=b"]
    assert ids.dtype == np.int32
    assert ids.tolist() == [papers_id("f", value, 97) for value in "aba"]


TEXTS = ["", "a", "\0x", "\u00e9'", "x" * 300, *map(str, range(3000))]


@pytest.mark.parametrize("field", ["f", "it's", "\u00e9%=?"])
def test_the_engine_hashes_as_the_paper_does(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    column = pa.array([*TEXTS, *TEXTS[:9]]).slice(1)
    right = [papers_id(field, text, 97) for text in column.to_pylist()]
    for many in (0, 10_000):
        monkeypatch.setattr(hashing, "_MANY", many)
        assert hash_column(column, field, 97).tolist() == right
        assert hash_column(column.dictionary_encode().slice(5), field, 97).tolist() == right[5:]


@pytest.mark.parametrize("some", [0, 5, 1000])
def test_ids_are_counted_over_all_chunks(monkeypatch: pytest.MonkeyPatch, some: int) -> None:
    monkeypatch.setattr(hashing, "_SOME", some)
    counts, seen = hashing.IdCounts(), np.zeros(30, np.int64)
    for start in range(0, 30, 4):
        ids = np.array([start, start, 2], np.int32)
        counts.add(ids, np.array([1, 2, 3]))
        np.add.at(seen, ids, [1, 2, 3])
    np.testing.assert_array_equal(counts.rows, seen[: len(counts.rows)])
    assert not seen[len(counts.rows) :].any()


def test_every_value_is_counted_once_over_all_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing, "_FEW", 3)  # merges in between, too
    seen, words = hashing.DistinctValues(), [f"value {i * i % 101}" for i in range(500)]
    for start in range(0, len(words), 7):
        hash_column(pa.array(words[start : start + 7]), "f", 23, seen)
    assert sorted(seen.ids) == sorted(papers_id("f", word, 23) for word in set(words))


def test_split_sizes_of_the_paper() -> None:
    counts = (800_000, 200_000, 149_780)
    assert split_sizes(1_149_780, counts) == counts
    assert split_sizes(10, (0.7, 0.2, 0.1)) == (7, 2, 1)


def test_split_is_pinned_over_versions() -> None:
    golden = [1, 0, 0, 2, 1, 0, 0, 2, 0, 1, 2, 0]
    assert assign_split(12, (6, 3, 3), seed=0).tolist() == golden


def test_table_agrees_with_its_manifest(run: Prepare) -> None:
    table = run(drop_fields=["service", "department"], num_features=500, split_seed=3)
    facts = table.manifest
    assert [f.name for f in facts.fields] == [
        "student",
        "lecturer",
        "student_age",
        "lecture_age",
    ]
    assert table.inputs.ids.shape == (73_421, 4)
    assert table.inputs.ids.dtype == np.int32
    assert table.inputs.ids.flags.c_contiguous
    assert table.labels.dtype == np.float32
    assert table.split.dtype == np.int8
    assert facts.distinct_ids == len(np.unique(table.inputs.ids)) <= 500
    assert facts.label_rates["t0"] == pytest.approx(table.labels[:, 0].mean(), abs=1e-6)
    pcc = pearsonr(*table.labels.T.astype(np.float64)).statistic
    assert facts.label_pcc == {"t0_t1": pytest.approx(pcc, abs=1e-9)}
    assert facts.split_sizes == {"train": 51395, "valid": 11013, "test": 11013}
    assert facts.spec.split_seed == 3


def test_collisions_are_counted_over_all_fields(run: Prepare) -> None:
    facts = run(num_features=2).manifest
    assert facts.distinct_ids == 2
    assert facts.collisions is not None
    assert facts.collisions.count == facts.distinct_values == 4126
    assert facts.collisions.rate == 1
    assert facts.collisions.per_field["service"] == Count(count=2, rate=1)


def test_dropping_a_field_leaves_the_others_alone(run: Prepare) -> None:
    whole, part = run(), run(drop_fields=["student"])
    np.testing.assert_array_equal(whole.inputs.ids[:, 1:], part.inputs.ids)
    np.testing.assert_array_equal(whole.split, part.split)
    assert whole.manifest.content_sha256 != part.manifest.content_sha256


def test_split_seed_moves_the_split_only(run: Prepare) -> None:
    first, second = run(), run(split_seed=1)
    np.testing.assert_array_equal(first.inputs.ids, second.inputs.ids)
    assert (first.split != second.split).any()


def test_chunk_size_does_not_change_the_content(
    run: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run().manifest
    monkeypatch.setattr("mtnas.data.sources.base.BATCH_ROWS", 1_009)
    pieces = run().manifest
    assert pieces.model_copy(update={"artefacts": whole.artefacts, "digest": whole.digest}) == whole
    assert pieces.artefacts["t.ids.npy"] == whole.artefacts["t.ids.npy"]


def test_content_hash_does_not_depend_on_the_pieces() -> None:
    ids = np.arange(12, dtype=np.int32).reshape(6, 2)
    labels, split = np.ones((6, 1), np.int8), np.zeros(6, np.int8)
    whole, pieces = ContentHash(), ContentHash()
    whole.update(ids, labels, split)
    for start in range(0, 6, 2):
        rows = slice(start, start + 2)
        pieces.update(ids[rows], labels[rows], split[rows])
    assert whole.hexdigest() == pieces.hexdigest()
    pieces.update(ids[:0], labels[:0], split[:0])
    assert whole.hexdigest() == pieces.hexdigest()


def test_a_partial_copy_uses_the_counts_as_ratios(
    run: Prepare, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(sources.load("insteval")), "split", (800_000, 200_000, 149_780))
    with caplog.at_level(logging.WARNING):
        sizes = run().manifest.split_sizes
    assert sizes == {"train": 51085, "valid": 12772, "test": 9564}
    assert "used as ratios" in caplog.text


def test_prepare_leaves_only_its_files_and_the_manifest_knows_each(
    run: Prepare, tmp_path: Path
) -> None:
    artefacts = run().manifest.artefacts
    left = {path.name: sha256_of(path) for path in tmp_path.iterdir() if path.is_file()}
    assert left.keys() - artefacts.keys() == {"t.json"}
    assert artefacts.keys() == {"t.parquet", "t.ids.npy", "t.vocabulary.parquet"}
    assert artefacts.items() <= left.items()


def test_a_manifest_is_read_as_it_was_written(run: Prepare, tmp_path: Path) -> None:
    whole = run().manifest
    whole.write(tmp_path / "again.json", map(tmp_path.joinpath, whole.artefacts))
    assert Manifest.read(tmp_path / "again.json") == whole


def test_training_reads_the_ids_renumbered_by_frequency_from_a_mapped_file(
    run: Prepare, tmp_path: Path
) -> None:
    table = run()
    mapped = read_compact(tmp_path / "t.parquet", tmp_path / "t.json")
    assert isinstance(mapped.inputs.ids, np.memmap)
    assert mapped.inputs.ids.dtype == np.int32
    count = np.bincount(mapped.inputs.ids.ravel())
    assert len(count) == table.manifest.num_ids == len(np.unique(table.inputs.ids))
    assert (np.diff(count) <= 0).all()
    pairs = np.unique(np.stack([table.inputs.ids.ravel(), mapped.inputs.ids.ravel()]), axis=1)
    assert pairs.shape[1] == len(count)  # one new number for every id
    np.testing.assert_array_equal(mapped.labels, table.labels)
    np.testing.assert_array_equal(mapped.split, table.split)


def test_renumbering_in_pieces_is_renumbering_at_once(
    run: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, whole = run(), np.load(tmp_path / "t.ids.npy")
    monkeypatch.setattr(vocabulary, "_BATCH_ROWS", 10_000)
    facts = table.manifest
    names = [field.name for field in facts.fields]
    files = tmp_path / "t.parquet", tmp_path / "b.npy"
    _, num_ids = vocabulary.write_compact(
        *files, facts.layout, names, np.bincount(table.inputs.ids.ravel())
    )
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), whole)
    assert num_ids == table.manifest.num_ids
    assert table.manifest.source_sha256.keys() == {"InstEval.pkl.compress"}


def test_the_vocabulary_turns_new_rows_into_the_ids_of_training(
    run: Prepare, tmp_path: Path
) -> None:
    num_features = run(num_features=500).manifest.num_features  # so that fields collide
    kept = pq.read_table(tmp_path / "t.vocabulary.parquet").to_pandas()
    row_of = dict(zip(kept["hashed_id"], kept["id"], strict=True))
    compact = read_compact(tmp_path / "t.parquet", tmp_path / "t.json")
    rows = next(iter(sources.load("insteval").chunks(None)))[:100]
    for number, field in enumerate(compact.manifest.fields):
        hashed = hash_column(rows[field.name], field.name, num_features)
        assert [row_of[value] for value in hashed] == compact.inputs.ids[:100, number].tolist()
        mine = kept[kept["field"] == field.name]
        assert mine["hashed_id"].is_unique
        assert mine["id"].is_monotonic_increasing
        assert set(mine["id"]) == set(compact.inputs.ids[:, number].tolist())
