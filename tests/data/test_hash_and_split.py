"""Properties of the hash and of the split, over any input."""

import hashlib

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mtnas.data.prepare import hashing
from mtnas.data.prepare.hashing import DistinctValues, hash_column, hash_values
from mtnas.data.prepare.splits import SPLITS, assign_fold, assign_split, num_folds, split_sizes

TEXT = st.text(max_size=30)
COUNTS = st.integers(1, 2**31 - 1)
SIZES = st.tuples(*[st.integers(1, 300)] * 3)
SEEDS = st.integers(0, 2**63 - 1)


@given(TEXT, TEXT, COUNTS)
def test_hash_is_the_hexadecimal_md5_modulo_n(field: str, value: str, num_features: int) -> None:
    digest = hashlib.md5((field + "=" + value).encode("utf-8")).hexdigest()
    ids = hash_column(pa.array([value], pa.string()), field, num_features)
    assert ids.tolist() == [int(digest, 16) % num_features]


@given(st.lists(TEXT, max_size=40), COUNTS)
def test_a_column_hashes_like_its_values(values: list[str], num_features: int) -> None:
    ids = hash_column(pa.array(values, pa.string()), "f", num_features)
    single = [hash_column(pa.array([value], pa.string()), "f", num_features) for value in values]
    assert ids.tolist() == [int(one[0]) for one in single]


def test_encoded_values_are_hashed_as_others_and_unused_ones_not_counted() -> None:
    encoded = pa.DictionaryArray.from_arrays(pa.array([3, 0, 3, 2]), ["a", "none", "a", "b"])
    seen = DistinctValues()
    ids = hash_column(encoded, "f", 97, seen)
    assert ids.tolist() == hash_column(pa.array(["b", "a", "b", "a"]), "f", 97).tolist()
    assert len(seen.ids) == 2


@given(SIZES, SEEDS)
def test_split_is_exhaustive_and_has_its_sizes(sizes: tuple[int, ...], seed: int) -> None:
    split = assign_split(sum(sizes), sizes, seed)
    assert np.bincount(split, minlength=3).tolist() == list(sizes)  # every row in one part


@given(SIZES, SEEDS)
def test_split_depends_on_its_arguments_only(sizes: tuple[int, ...], seed: int) -> None:
    first = assign_split(sum(sizes), sizes, seed)
    np.random.default_rng().random()
    np.testing.assert_array_equal(first, assign_split(sum(sizes), sizes, seed))


@given(SEEDS)
@settings(max_examples=20)
def test_seeds_split_differently(seed: int) -> None:
    sizes = (100, 50, 50)
    other = assign_split(200, sizes, (seed + 1) % 2**63)
    assert (assign_split(200, sizes, seed) != other).any()


@given(SIZES, st.integers(0, 1000))
@settings(max_examples=30)
def test_disjoint_splits_have_the_sizes_of_random_ones(sizes: tuple[int, ...], seed: int) -> None:
    split = assign_fold(sum(sizes), sizes, seed)
    assert np.bincount(split, minlength=3).tolist() == list(sizes)
    np.testing.assert_array_equal(split, assign_fold(sum(sizes), sizes, seed))


def test_seeds_test_disjoint_rows_until_none_are_left_and_then_begin_anew() -> None:
    sizes = (140, 40, 20)
    folds = num_folds(dict(zip(SPLITS, sizes, strict=True)))
    assert folds == 10
    tested = [frozenset(np.flatnonzero(assign_fold(200, sizes, s) == 2)) for s in range(20)]
    for repetition in (tested[:10], tested[10:]):
        assert frozenset().union(*repetition) == set(range(200))  # ten times 20: each row once
    assert not set(tested[:10]) & set(tested[10:])
    valid = [frozenset(np.flatnonzero(assign_fold(200, sizes, s) == 1)) for s in range(10)]
    assert len(set(valid)) == 10
    assert num_folds({"train": 70, "valid": 15, "test": 16}) == 6  # what is left is no fold


@given(st.integers(10, 10**7), st.tuples(*[st.integers(1, 8)] * 3))
def test_sizes_follow_the_ratios(num_rows: int, parts: tuple[int, ...]) -> None:
    ratios = [part / sum(parts) for part in parts]
    sizes = split_sizes(num_rows * 10, ratios)
    assert sum(sizes) == num_rows * 10
    assert all(abs(s - num_rows * 10 * r) <= 1 for s, r in zip(sizes, ratios, strict=True))


@given(SIZES)
def test_counts_are_taken_as_they_are(sizes: tuple[int, ...]) -> None:
    assert split_sizes(sum(sizes), sizes) == sizes


def test_texts_that_lie_encoded_are_hashed_and_told_once() -> None:
    """As Parquet gives them: the texts of a chunk begin with those of the chunk before."""
    seen, told = DistinctValues(hashing.IdCounts()), list[str]()

    def see(texts: pa.Array, _: hashing.Keys) -> None:
        told.extend(texts.to_pylist())

    words = ["a", "none", "b", "c", "none", "d"]
    for size, places in ((3, [0, 2, 0]), (4, [3, 0, 2]), (4, [0, 0]), (6, [5, 3])):
        column = pa.DictionaryArray.from_arrays(pa.array(places), words[:size])
        ids, keys = hash_values(column, "f", 97, seen, see)
        plain, of_plain = hash_values(column.cast(pa.string()), "f", 97, DistinctValues())
        assert (ids.tolist(), keys.tolist()) == (plain.tolist(), of_plain.tolist())
    assert seen.counts is not None
    assert told == ["a", "b", "c", "d"]
    assert len(seen.ids) == 4
    assert seen.counts.rows.sum() == 10


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6), max_size=6), COUNTS)
def test_chunks_of_other_texts_do_not_mix(chunks: list[list[str]], num_features: int) -> None:
    seen = DistinctValues()
    for chunk in chunks:
        column = pa.array(chunk, pa.string())
        alone = hash_column(column, "f", num_features)
        assert hash_column(column, "f", num_features, seen).tolist() == alone.tolist()
    assert len(seen.ids) == len({text for chunk in chunks for text in chunk})
