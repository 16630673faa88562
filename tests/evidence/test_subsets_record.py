"""Scores of subsets of tasks: read as they were written, refused where they are not complete."""

import pytest

from mtnas.evidence import subsets_record
from mtnas.evidence.records import read_run, scores_by_seed
from mtnas.evidence.subsets_record import SubsetScores
from mtnas.runtime.errors import RecordError
from tests.helpers.runs import make_run
from tests.helpers.subsets import SUBSETS, make_scores, write_scores


def some(subset, seed, part, task, metric):
    return len(subset) + seed / 7 + (part == "test") + len(task) / 100


def test_what_is_read_is_what_was_written(tmp_path):
    scores = make_scores(some)
    read = SubsetScores.read(write_scores(tmp_path, scores))
    assert read.record.spec == scores.record.spec
    assert read.tasks == ("click", "mood", "minutes")
    assert read.subsets["click+minutes"] == ("click", "minutes")
    assert len(read.subsets) == len(SUBSETS)
    assert read.frame["value"].to_numpy() == pytest.approx(scores.frame["value"].to_numpy())
    key = scores.frame.columns[:-1]
    assert read.frame[key].equals(scores.frame[key])


@pytest.mark.parametrize("name", ["null", "NA", "none", "nan", "1", "1.50", "True"])
def test_a_task_has_any_name(name, tmp_path):
    kinds = {name: "binary", "mood": "binary"}
    made = make_scores(some, kinds, ((name,), ("mood",), (name, "mood")))
    write_scores(tmp_path, made)
    read = SubsetScores.read(tmp_path)
    key = made.frame.columns[:-1]
    assert read.frame[key].equals(made.frame[key]) and read.tasks == (name, "mood")


@pytest.mark.parametrize("name", ["null", "NA", "none", "nan", "1", "1.50", "True"])
def test_so_has_a_task_of_a_run(name, tmp_path):
    run = read_run(make_run(tmp_path, "mmoe", {f"auc_{name}": 0.7, "auc_mood": 0.8}))
    assert run.tasks == [name, "mood"]
    assert scores_by_seed(run).columns.tolist() == [f"auc_{name}", "auc_mood", "mtl_loss"]


def lacking(frame):
    return frame[
        ~((frame["subset"] == "mood") & (frame["seed"] == 1) & (frame["split"] == "valid"))
    ]


def twice(frame):
    return frame.assign(seed=frame["seed"].replace(2, 1))


def undefined(frame):
    return frame.assign(value=frame["value"].where(frame["metric"] != "auc"))


DAMAGED = [
    (lacking, "lacks 5 lines, such as mood/1/valid/all/mtl_loss"),
    (twice, "two values for click/1/valid/click/auc"),
    (undefined, "a value is missing or not a finite number"),
    (lambda f: f.drop(columns="split"), r"columns \['subset', 'seed', 'task'.*expected"),
    (lambda f: f.assign(task=f["task"].replace("mood", "mod")), "lacks .*mood/accuracy"),
    (lambda f: f.assign(subset=f["subset"].replace("mood", "mod")), "lacks .*such as mood/0"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_incomplete_scores_are_neither_written_nor_read(damage, message, tmp_path, monkeypatch):
    whole = make_scores(some)
    damaged = SubsetScores(damage(whole.frame), whole.record)
    with pytest.raises(RecordError, match=message):
        write_scores(tmp_path, damaged)
    assert not list(tmp_path.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(subsets_record, "check_scores", lambda *_, **__: None)
        write_scores(tmp_path, damaged)
    with pytest.raises(RecordError, match=f"scores.csv: .*{message}.*delete it and run"):
        SubsetScores.read(tmp_path)


def test_scores_that_were_changed_are_refused(tmp_path):
    write_scores(tmp_path, make_scores(some))
    path = tmp_path / "scores.csv"
    path.write_text(path.read_text().replace("click,auc,1", "click,auc,2"))
    with pytest.raises(RecordError, match=r"scores.csv: was changed after it was written"):
        SubsetScores.read(tmp_path)


def test_a_folder_without_scores_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"record.json: missing; run `.*/record.json`"):
        SubsetScores.read(tmp_path)
