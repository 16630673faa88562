"""Scores of subsets of tasks in results/published: merged, brought back, refused, taken out."""

import gzip
import os
from pathlib import Path

import pytest

from mtnas.evidence.subsets_record import SubsetScores
from mtnas.report.published import packed
from mtnas.report.published import publish as publishing
from mtnas.report.published.publish import publish, unpublish
from mtnas.report.published.store import read_plan
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Facts, Plan
from tests.helpers.searches import DATA
from tests.helpers.subsets import make_scores, write_scores

COMMAND = ".venv/bin/snakemake publish --cores 2"
RUN = ("insteval", "share_bottom", "paper")


@pytest.fixture(autouse=True)
def numbers_alone(monkeypatch):
    """Leave out tables and figures, which other tests make."""
    monkeypatch.setattr(publishing, "rebuild", lambda folder: None)


def study(root, name="pairs", level=0.0, run=RUN, **changes):
    """Return the arguments that publish a study with one entry of `subsets`."""
    dataset, method, variant = run
    scores = make_scores(
        lambda subset, seed, *_: level + len(subset) + seed / 9,
        name=name,
        dataset=dataset,
        method=method,
        variant=variant,
        **changes,
    )
    folder = write_scores(root / name / Path(*run), scores)
    return {
        "plan": Plan({dataset: Facts(3)}, subsets={name: [run]}).to_json(),
        "command": COMMAND,
        "run_folders": [],
        "routes": [],
        "manifests": [],
        "subsets": [folder],
        "specs": {f"subsets/{name}/{'/'.join(run)}": scores.record.spec.model_dump(mode="json")},
    }


def names(folder):
    return sorted(
        str(path.relative_to(folder / "subsets"))
        for path in (folder / "subsets").rglob("*")
        if path.is_file()
    )


def restored(folder, place, monkeypatch):
    """Return what comes back, in an empty folder."""
    place.mkdir()
    monkeypatch.chdir(place)
    packed.restore(folder.resolve())
    return place / "results" / "subsets"


def test_scores_come_back_byte_by_byte_with_their_command(tmp_path, monkeypatch):
    folder, arguments = tmp_path / "published", study(tmp_path / "a")
    publish(folder, **arguments)
    assert names(folder) == [
        f"pairs/insteval/share_bottom/paper.{end}" for end in ("csv.gz", "json")
    ]
    packed = folder / "subsets/pairs/insteval/share_bottom/paper.csv.gz"
    scores = (arguments["subsets"][0] / "scores.csv").read_bytes()
    assert gzip.decompress(packed.read_bytes()) == scores
    place = restored(folder, tmp_path / "back", monkeypatch) / "pairs" / Path(*RUN)
    assert (place / "scores.csv").read_bytes() == scores
    read, made = SubsetScores.read(place), SubsetScores.read(arguments["subsets"][0])
    assert read.record.study == COMMAND
    assert read.record.spec == made.record.spec
    assert read_plan(folder).subsets == {"pairs": [RUN]}


def test_the_same_scores_give_the_same_bytes(tmp_path):
    folder, arguments = tmp_path / "published", study(tmp_path / "a")
    publish(folder, **arguments)
    before = {name: (folder / "subsets" / name).read_bytes() for name in names(folder)}
    os.utime(arguments["subsets"][0] / "scores.csv", (1, 1))
    publish(folder, **arguments)
    assert {name: (folder / "subsets" / name).read_bytes() for name in before} == before


def test_studies_are_merged_by_name(tmp_path, monkeypatch):
    folder = tmp_path / "published"
    publish(folder, **study(tmp_path / "a"))
    publish(folder, **study(tmp_path / "b", run=("insteval", "mmoe", "paper")))
    publish(folder, **study(tmp_path / "c", name="other"))
    publish(folder, **study(tmp_path / "d", level=5.0))
    assert len(names(folder)) == 6
    place = restored(folder, tmp_path / "back", monkeypatch)
    level = {
        "/".join(path.parts[-5:-1]): SubsetScores.read(path.parent).frame["value"].min()
        for path in place.rglob("scores.csv")
    }
    assert level == {
        "pairs/insteval/share_bottom/paper": 6,
        "pairs/insteval/mmoe/paper": 1,
        "other/insteval/share_bottom/paper": 1,
    }


@pytest.mark.parametrize(
    ("name", "left"),
    [("insteval", 0), ("subsets/pairs/insteval/share_bottom/paper", 2)],
)
def test_what_is_taken_out_is_gone(name, left, tmp_path, monkeypatch):
    folder = tmp_path / "published"
    publish(folder, **study(tmp_path / "a"))
    publish(folder, **study(tmp_path / "c", name="other"))
    unpublish(folder, [name])
    assert len(names(folder)) == left
    assert set(read_plan(folder).subsets) == ({"other"} if left else set())
    with pytest.raises(RecordError, match=r"unknown published dataset or run 'subsets/pairs"):
        unpublish(folder, ["subsets/pairs/insteval/share_bottom/paper"])


def test_scores_of_other_data_that_stay_are_named(tmp_path):
    folder, other = tmp_path / "published", {**DATA, "content_sha256": "1" * 64}
    publish(folder, **study(tmp_path / "a"))
    message = "another table .*published subsets/pairs/insteval/share_bottom/paper, so .*unpublish"
    with pytest.raises(RecordError, match=message):
        publish(folder, **study(tmp_path / "b", run=("insteval", "mmoe", "paper"), data=other))
    publish(folder, **study(tmp_path / "c", data=other))  # replaces them
    assert len(names(folder)) == 2


def test_scores_without_leaks_have_other_splits_and_stay(tmp_path):
    folder, dropped = tmp_path / "published", ("insteval", "share_bottom", "dropped")
    leaks = {"training": {"leaks": "drop"}, "splits": dict.fromkeys(range(3), "b" * 12)}
    publish(folder, **study(tmp_path / "a", run=dropped, **leaks))
    publish(folder, **study(tmp_path / "b", splits=dict.fromkeys(range(3), "a" * 12)))
    assert len(names(folder)) == 4
    other = study(
        tmp_path / "c", run=("insteval", "mmoe", "paper"), splits=dict.fromkeys(range(3), "c" * 12)
    )
    with pytest.raises(RecordError, match="published subsets/pairs/insteval/share_bottom/paper, "):
        publish(folder, **other)


def test_scores_of_another_study_are_refused(tmp_path):
    arguments = study(tmp_path / "a")
    (spec,) = arguments["specs"].values()
    spec["seeds"] = [0, 1, 2, 3]
    with pytest.raises(
        RecordError,
        match=r"results/subsets/pairs/insteval/share_bottom/paper: made with other seeds",
    ):
        publish(tmp_path / "published", **arguments)


@pytest.mark.parametrize("damage", ["record", "scores", "missing"])
def test_damaged_files_are_refused(damage, tmp_path, monkeypatch):
    folder = tmp_path / "published"
    publish(folder, **study(tmp_path / "a"))
    record = folder / "subsets/pairs/insteval/share_bottom/paper.json"
    packed = record.with_suffix(".csv.gz")
    if damage == "record":
        record.write_text(record.read_text().replace("abc", "abd"))
    elif damage == "scores":
        packed.write_bytes(packed.read_bytes()[:-20])
    else:
        packed.unlink()
    with pytest.raises(RecordError, match=r"paper\.(json: was changed|csv.gz: (not a|missing))"):
        restored(folder, tmp_path / "back", monkeypatch)
    if damage == "record":
        with pytest.raises(RecordError, match=r"restore it with `git checkout"):
            publish(folder, **study(tmp_path / "b"))


def test_an_inventory_without_subsets_is_as_before():
    assert "subsets" not in Plan({"insteval": Facts(3)}).to_json()
    plan = Plan({"insteval": Facts(3)}, subsets={"pairs": [RUN]})
    assert Plan.from_json(plan.to_json()) == plan
