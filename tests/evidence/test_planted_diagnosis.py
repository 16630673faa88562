"""Diagnoses of datasets whose truth is planted: each must recommend what is right for it."""

import numpy as np
import pytest

from tests.helpers.planted import binary, diagnosed, drawn_ids, planted_table, score

pytestmark = pytest.mark.slow


def test_a_copy_of_a_task_shares_its_model(tmp_path):
    rng = np.random.default_rng(0)
    ids = drawn_ids(rng, 1000)
    label = binary(rng, score(rng, ids), 0.5)
    files = planted_table(tmp_path, ids, {"task": label, "copy": label})
    found = diagnosed(files, ("task", "copy"), widths=())
    assert found.grouping.recommended == [["task", "copy"]]
    assert found.grouping.reason in ("no_difference", "together_gains")
    assert {m.value for m in found.measures if m.measure == "phi"} == {pytest.approx(1)}


def test_a_task_of_noise_is_kept_apart_or_makes_no_difference(tmp_path):
    rng = np.random.default_rng(1)
    ids = drawn_ids(rng, 1500)
    seen = score(rng, ids)
    labels = {
        "a": binary(rng, seen, 0.5),
        "noise": rng.integers(2, size=1500).astype(np.float32),
    }
    found = diagnosed(planted_table(tmp_path, ids, labels), tuple(labels), widths=(), width=2)
    print(found.sentences, found.pairs)


def test_opposite_tasks_share(tmp_path):
    rng = np.random.default_rng(2)
    ids = drawn_ids(rng, 1500)
    seen = score(rng, ids)
    first, second = binary(rng, seen, 0.7), binary(rng, -seen, 0.7)
    own = rng.random(1500) < 0.5
    first[own], second[~own] = np.nan, np.nan
    labels = {"plus": first, "minus": second}
    found = diagnosed(planted_table(tmp_path, ids, labels), tuple(labels), widths=())
    print(found.sentences, found.pairs)


def test_unrelated_tasks_in_a_narrow_part_are_kept_apart(tmp_path):
    rng = np.random.default_rng(3)
    ids = drawn_ids(rng, 1500)
    labels = {name: binary(rng, score(rng, ids), 0.3) for name in ("one", "other")}
    found = diagnosed(planted_table(tmp_path, ids, labels), tuple(labels), width=1)
    print(found.sentences, found.pairs)
