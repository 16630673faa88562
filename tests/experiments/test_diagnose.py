"""Measures of tasks of every kind, with labels missing; through a stop; what was not defined."""

import numpy as np
import pandas as pd
import pytest

from mtnas.evidence.diagnosis.diagnosis import diagnosis_of, write_diagnosis
from mtnas.evidence.diagnosis.measures import Measures
from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.experiments.diagnose.rows import block_cosines
from mtnas.experiments.diagnose.run import diagnose
from mtnas.experiments.job import Job
from mtnas.experiments.subsets import train_subsets
from mtnas.experiments.train import train
from mtnas.runtime.errors import RecordError
from mtnas.study.specs import RunSpec
from mtnas.tasks.metrics import OF_KIND
from tests.helpers.mixed import MIXED, mixed_table
from tests.helpers.planted import measured, specs

NAMES = tuple(task.name for task in MIXED)
KINDS = {task.name: task.kind for task in MIXED}
FAST = {"epochs": 2, "patience": 1, "dtype": "float64"}
PAIRS = [(a, b) for a in NAMES for b in NAMES if a != b]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mixed_table(tmp_path_factory.mktemp("diagnose") / "table")


@pytest.fixture(scope="module")
def found(data):
    return measured(data, NAMES, seeds=2, training=FAST)


def test_every_measure_of_every_pair_and_seed_is_there(found):
    frame = found[0].frame
    for (measure, _), own in frame.groupby(["measure", "layer"]):
        keys = own[["first", "second"]].drop_duplicates()
        wanted = [(t, t) for t in NAMES] if measure == "svd_weight" else PAIRS
        assert sorted(keys.itertuples(index=False, name=None)) == sorted(wanted)
        assert len(own) == 2 * len(wanted)
    layers = set(frame[frame["measure"] == "gradient_cosine"]["layer"])
    assert layers == {"root", "embedding", "all"}


def test_of_other_than_two_binary_tasks_labels_tell_nothing_and_inputs_do(found):
    frame = found[0].frame
    defined = frame.dropna(subset=["value"])
    assert not {"phi", "phi_attainable", "nested_given_first"} & set(defined["measure"])
    assert {"theta_cosine", "gradient_cosine", "tag_affinity"} <= set(defined["measure"])
    bounded = defined[defined["measure"].isin(["theta_cosine", "gradient_cosine"])]["value"]
    assert bounded.abs().max() <= 1
    weights = defined[defined["measure"] == "svd_weight"].groupby("seed")["value"].mean()
    assert weights.tolist() == pytest.approx([1, 1])


def test_a_point_of_the_curve_is_the_run_of_that_width(found, data):
    curve = found[0].capacity
    assert set(curve["width"]) == {2, 4}
    base = specs(NAMES, seeds=2, width=2, training=FAST)[1].model_dump(mode="json")
    spec = RunSpec.of({key: value for key, value in base.items() if key in RunSpec.model_fields})
    metrics = train(spec, Job(**data)).metrics
    for task in NAMES:
        for metric in OF_KIND[KINDS[task]]:
            own = curve[(curve["width"] == 2) & (curve["subset"] == "all")]
            own = own[(own["task"] == task) & (own["metric"] == metric)]
            run = metrics[(metrics["split"] == "test") & (metrics["task"] == task)]
            run = run[run["metric"] == metric]
            pd.testing.assert_series_equal(
                own.set_index("seed")["value"],
                run.set_index("seed")["value"],
                rtol=0,
                atol=1e-12,
                check_names=False,
            )


def test_a_seed_alone_equals_that_seed_in_company(found, data):
    _, spec = specs(NAMES, seeds=2, training=FAST)
    alone = diagnose(spec.model_copy(update={"seeds": (1,)}), Job(**data)).measures
    for ours, both in ((alone.frame, found[0].frame), (alone.capacity, found[0].capacity)):
        same = both[both["seed"] == 1].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours.reset_index(drop=True), same, rtol=0, atol=1e-9)


def test_one_seed_at_a_time_through_a_journal_ends_in_the_same_numbers(found, data, tmp_path):
    _, spec = specs(NAMES, seeds=2, training=FAST)
    job = Job(**data, at_once=1, journal=tmp_path / "journal")
    whole = diagnose(spec, job)
    again = diagnose(spec, job)  # all of it from the journal
    pd.testing.assert_frame_equal(whole.measures.frame, again.measures.frame)
    pd.testing.assert_frame_equal(whole.measures.capacity, found[0].capacity, rtol=0, atol=1e-9)
    again.write(
        measures=tmp_path / "measures.csv",
        capacity=tmp_path / "capacity.csv",
        record=tmp_path / "record.json",
    )
    assert not (tmp_path / "journal").exists()


def test_what_is_written_is_read_and_diagnosed(found, tmp_path):
    measures, scores = found
    folder, subsets = tmp_path / "diagnosis", tmp_path / "subsets"
    folder.mkdir()
    subsets.mkdir()
    measures.write(*(folder / name for name in ("measures.csv", "capacity.csv", "record.json")))
    scores.write(subsets / "scores.csv", subsets / "record.json")
    read = Measures.read(folder)
    pd.testing.assert_frame_equal(read.frame, measures.frame, rtol=1e-8)
    json, text = folder / "diagnosis.json", folder / "recommendation.md"
    write_diagnosis(json, text, measures=folder, subsets=[subsets])
    diagnosis = Diagnosis.read(json)
    assert [(pair.first, pair.second) for pair in diagnosis.pairs] == PAIRS
    assert len(diagnosis.gains) == 3 * 2 + 3
    assert {point.width for point in diagnosis.capacity} == {2, 4}
    assert [own.task for own in diagnosis.surrogates] == list(NAMES)
    assert all(sentence in text.read_text() for sentence in diagnosis.sentences)
    (folder / "capacity.csv").write_text("width\n")
    with pytest.raises(RecordError, match=r"capacity\.csv"):
        Measures.read(folder)


def test_gains_of_other_splits_are_refused(found, data):
    subsets, _ = specs(NAMES, seeds=3, training=FAST)
    other = train_subsets(subsets, Job(**data)).scores
    with pytest.raises(RecordError, match="not of the same table, seeds and splits"):
        diagnosis_of(found[0], other)


def test_own_tables_are_compared_with_shared_ones(found, data):
    subsets, _ = specs(NAMES, seeds=2, training={**FAST, "embedding_per_task": True})
    own = train_subsets(subsets, Job(**data)).scores
    diagnosis = diagnosis_of(*found, own)
    assert diagnosis.tables is not None
    assert "was not measured" not in diagnosis.sentences[0]
    same = diagnosis_of(*found, found[1])
    assert (same.tables.mean, same.tables.sign) == (0.0, 0)


def cosines(theta_DK):
    unit_DK = theta_DK / np.linalg.norm(theta_DK, axis=0)
    return unit_DK.T @ unit_DK


def test_cosines_of_blocks_are_those_of_columns_where_each_task_has_one():
    theta = np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_allclose(
        block_cosines(theta.T @ theta, np.arange(3)), cosines(theta), atol=1e-12
    )
    double = np.concatenate([theta, theta[:, 1:2]], axis=1)[:, [0, 1, 3, 2]]
    found = block_cosines(double.T @ double, np.array([0, 1, 1, 2]))
    np.testing.assert_allclose(found[0, 1], abs(cosines(theta)[0, 1]), atol=1e-12)
