"""Diagnoses of datasets whose truth is planted: each must recommend what is right for it."""

import numpy as np
import pytest

from mtnas.evidence.diagnosis.diagnosis import diagnosis_of
from tests.helpers.planted import (
    binary,
    diagnosed,
    drawn_ids,
    measured,
    number,
    planted_table,
    score,
)

pytestmark = pytest.mark.slow


def of_pairs(found, measure, layer=""):
    """Return the values of a measure of all ordered pairs."""
    return [m.value for m in found.measures if (m.measure, m.layer) == (measure, layer)]


def test_a_copy_of_a_task_shares_its_model(tmp_path):
    rng = np.random.default_rng(0)
    ids = drawn_ids(rng, 1000)
    label = binary(rng, score(rng, ids), 0.5)
    labels = {"task": label, "copy": label}
    found = diagnosed(planted_table(tmp_path, ids, labels), tuple(labels), widths=())
    assert found.grouping.recommended == [["task", "copy"]]
    assert found.grouping.reason in ("no_difference", "together_gains")
    assert of_pairs(found, "phi") == [1.0, 1.0]
    assert found.tables is None
    assert "was not measured" in found.sentences[0]


@pytest.mark.parametrize(("drawn", "rows", "seeds"), [(1, 1000, 8), (101, 1300, 5), (104, 1300, 5)])
def test_a_task_of_noise_is_kept_out_of_the_group_that_gains(tmp_path, drawn, rows, seeds):
    rng = np.random.default_rng(drawn)
    ids = drawn_ids(rng, rows)
    seen = score(rng, ids)
    labels = {"a": binary(rng, seen, 0.7), "b": binary(rng, seen, 0.7)}
    labels["noise"] = rng.integers(2, size=rows).astype(np.float32)
    found = diagnosed(
        planted_table(tmp_path, ids, labels),
        tuple(labels),
        widths=(),
        width=1,
        seeds=seeds,
        training={"loss_weights": (1.0, 1.0, 4.0)},
    )
    assert found.grouping.unlearned == ["noise"]
    assert found.grouping.best == found.grouping.recommended == [["a", "b"], ["noise"]]
    assert found.grouping.over_apart.sign == 1
    helps = {(pair.first, pair.second) for pair in found.pairs if pair.verdict == "helps"}
    assert helps <= {("a", "b"), ("b", "a")}
    assert "one model for a and b: they gain from each other" in found.sentences[0]
    assert "leave out noise" in found.sentences[0]


def test_opposite_tasks_share_though_their_labels_and_inputs_say_the_opposite(tmp_path):
    rng = np.random.default_rng(2)
    ids = drawn_ids(rng, 1500)
    seen = score(rng, ids)
    plus, minus = binary(rng, seen, 0.7), binary(rng, -seen, 0.7)
    own = rng.random(1500) < 0.5  # the tasks have no row in common
    plus[own], minus[~own] = np.nan, np.nan
    labels = {"plus": plus, "minus": minus}
    found = diagnosed(planted_table(tmp_path, ids, labels), tuple(labels), widths=(), width=1)
    assert found.grouping.recommended == [["plus", "minus"]]
    assert (found.grouping.reason, found.grouping.expected.sign) == ("together_gains", 1)
    assert of_pairs(found, "phi") == [None, None]
    assert max(of_pairs(found, "theta_cosine")) < -0.5
    assert "they gain from each other" in found.sentences[0]


def test_unrelated_tasks_are_kept_apart_where_the_shared_part_is_narrow(tmp_path):
    rng = np.random.default_rng(3)
    ids = drawn_ids(rng, 1500)
    labels = {name: binary(rng, score(rng, ids), 0.3) for name in ("one", "other")}
    found = diagnosed(planted_table(tmp_path, ids, labels), tuple(labels), width=1, widths=(1, 16))
    assert found.grouping.recommended == [["one"], ["other"]]
    assert found.grouping.reason == "apart"
    mean = {
        width: np.mean([p.mean for p in found.capacity if p.width == width]) for width in (1, 16)
    }
    assert mean[1] < -0.05 < mean[16]
    assert "Keep the tasks apart" in found.sentences[0]


def noise(rng, kind, rows):
    """Return labels that nothing tells."""
    drawn = rng.integers(2, size=rows) if kind == "binary" else rng.normal(size=rows)
    return drawn.astype(np.float32)


def relation(case, kind, rng, seen, ids):
    """Return the labels of two tasks or three that are related as `case` says."""
    label = {"binary": binary, "regression": number}[kind]
    if case == "copy":
        task = label(rng, seen, 0.5)
        return {"task": task, "copy": task}
    if case == "noise":
        told = {name: label(rng, seen, 0.7) for name in ("a", "b")}
        return {**told, "noise": noise(rng, kind, len(seen))}
    if case == "opposite":
        return {"plus": label(rng, seen, 0.7), "minus": label(rng, -seen, 0.7)}
    return {"one": label(rng, seen, 0.3), "other": label(rng, score(rng, ids), 0.3)}


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize(
    ("case", "right", "width"),
    [
        ("copy", ["task copy"], 4),
        ("noise", ["a b, noise", "a b noise"], 4),  # of numbers, noise may stay: it harms nobody
        ("opposite", ["plus minus"], 1),
        ("unrelated", ["one, other"], 1),
    ],
)
def test_intervals_as_users_have_them_lead_to_the_same_advice(tmp_path, case, kind, right, width):
    """Splits overlap, so intervals are corrected; labels may be numbers, too."""
    rng = np.random.default_rng(11)
    ids = drawn_ids(rng, 1000)
    labels = relation(case, kind, rng, score(rng, ids), ids)
    files = planted_table(tmp_path, ids, labels, kind=kind)
    found = diagnosis_of(*measured(files, tuple(labels), widths=(), width=width)).grouping
    advice = ", ".join(" ".join(group) for group in found.recommended)
    assert advice in (right[:1] if kind == "binary" else right)
    assert found.unlearned == ["noise"] * ((case, kind) == ("noise", "binary"))
    assert case == "unrelated" or found.harmed == []
