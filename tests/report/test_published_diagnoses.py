"""Diagnoses in results/published: copied, brought back, pooled into a table, taken out."""

import pytest

from mtnas.evidence.diagnosis.diagnosis import diagnosis_of
from mtnas.evidence.diagnosis.measures import (
    CAPACITY_COLUMNS,
    MEASURE_COLUMNS,
    Measures,
    MeasuresRecord,
)
from mtnas.report.published import diagnoses
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Facts, Plan
from tests.evidence.test_diagnosis import NAMES, truth_of

KEPT = (
    "simulated",
    "synthetic",
    "tasks",
    "parameters",
    "options",
    "data",
    "splits",
    "environment",
    "git",
    "code",
)


def diagnosis(folder, dataset, names=NAMES, told=True, curve=None):
    """Write a diagnosis in which phi is the gain; return the file. `curve`: lines of capacity."""
    import pandas as pd

    scores = truth_of(
        lambda task, others: sum(0.01 * (ord(task) - ord(o)) for o in others), names=names
    ).scores
    made = scores.record.model_dump(mode="json")
    spec = {key: made["spec"][key] for key in ("method", "variant", "seeds", "options")}
    spec |= {
        "dataset": dataset,
        "widths": [],
        "epochs": 1,
        "probe_every": 1,
        "probe_rate": 0.1,
        "rank": 1,
    }
    scores.record.spec.__dict__["dataset"] = dataset
    timings = {"total_seconds": 1.0, "models_at_once": 1, "device": "cpu", "threads": 1}
    record = MeasuresRecord.model_validate(
        {**{key: made[key] for key in KEPT}, "spec": spec, "timings": timings}
    )
    lines = [
        ("phi", a, b, "", seed, float(ord(b) - ord(a)) if told else None)
        for a in names for b in names if a != b for seed in record.spec.seeds
    ]  # fmt: skip
    frame = pd.DataFrame(lines, columns=list(MEASURE_COLUMNS)).astype({"value": float})
    capacity = pd.DataFrame(curve or [], columns=list(CAPACITY_COLUMNS))
    path = folder / dataset / "diagnosis.json"
    diagnosis_of(Measures(frame, capacity, record), scores).write(path)
    return path


def test_they_come_back_and_what_measures_told_is_a_table(tmp_path, monkeypatch):
    published = tmp_path / "published"
    paths = [diagnosis(tmp_path, name) for name in ("insteval", "gss")]
    diagnoses.publish(published, paths)
    table = diagnoses.measures_told(published)
    (line,) = [line for line in table.splitlines() if "phi" in line]
    assert "+1.00" in line
    assert "| 24 |" in line
    assert "gss, insteval" in line
    place = tmp_path / "empty"
    place.mkdir()
    monkeypatch.chdir(place)
    diagnoses.restore(published)
    back = place / "results" / "diagnosis" / "gss" / "diagnosis.json"
    assert back.read_bytes() == paths[1].read_bytes()
    diagnoses.prune(published, Plan({"gss": Facts(3)}))
    assert [found.dataset for found in diagnoses.read(published)] == ["gss"]


def test_two_tasks_are_said_to_be_too_few(tmp_path):
    diagnoses.publish(tmp_path, [diagnosis(tmp_path, "insteval", NAMES[:2])])
    assert "too few pairs" in diagnoses.measures_told(tmp_path)


def test_without_any_the_block_says_how_to_make_them(tmp_path):
    assert "--configfile config/diagnose.yaml publish" in diagnoses.measures_told(tmp_path)


def test_one_that_was_changed_is_refused(tmp_path):
    path = diagnosis(tmp_path, "insteval")
    path.write_text(
        path.read_text().replace("no difference", "a difference").replace("0.01", "0.02")
    )
    with pytest.raises(RecordError):
        diagnoses.publish(tmp_path, [path])
