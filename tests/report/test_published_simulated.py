"""Simulated studies in results/published: merged, brought back, refused, taken out."""

import gzip
import json

import pytest

from mtnas.evidence.simulated_record import read
from mtnas.report.published import packed
from mtnas.report.published import publish as publishing
from mtnas.report.published.publish import publish, unpublish
from mtnas.report.published.store import read_plan
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Plan
from tests.helpers.transfer import study

COMMAND = ".venv/bin/snakemake publish --cores 2 --configfile config/transfer.yaml"


@pytest.fixture(autouse=True)
def numbers_alone(monkeypatch):
    """Leave out tables and figures, which other tests make."""
    monkeypatch.setattr(publishing, "rebuild", lambda folder: None)


def arguments(root, *names, level=0.0, options=None, seeds=(0, 1)):
    """Return what publishes some simulated studies."""
    rows = [{"seed": seed, "part": "a", "metric": "gap", "value": level + seed} for seed in seeds]
    folders = [study(root, name, rows, options) for name in names]
    spec = {"study": "", "seeds": list(seeds), "options": options or {}}
    return {
        "plan": Plan(simulated_studies=names).to_json(),
        "command": COMMAND,
        "run_folders": [],
        "routes": [],
        "manifests": [],
        "simulated_studies": folders,
        "specs": {f"simulated_studies/{name}": {**spec, "study": name} for name in names},
    }


def names(folder):
    return sorted(path.name for path in (folder / "simulated_studies").glob("*"))


def restored(folder, place, monkeypatch):
    """Return what comes back, in an empty folder."""
    place.mkdir()
    monkeypatch.chdir(place)
    packed.restore(folder.resolve())
    return place / "results" / "simulated_studies"


def test_results_come_back_byte_by_byte_with_their_command(tmp_path, monkeypatch):
    folder, told = tmp_path / "published", arguments(tmp_path / "a", "covariance")
    publish(folder, **told)
    assert names(folder) == ["covariance.csv.gz", "covariance.json"]
    results = (told["simulated_studies"][0] / "results.csv").read_bytes()
    packed = folder / "simulated_studies/covariance.csv.gz"
    assert gzip.decompress(packed.read_bytes()) == results
    place = restored(folder, tmp_path / "back", monkeypatch) / "covariance"
    assert (place / "results.csv").read_bytes() == results
    record, _ = read(place)
    assert (record.command, record.seeds) == (COMMAND, (0, 1))
    assert read_plan(folder).simulated_studies == ("covariance",)


def test_studies_are_merged_by_name_and_the_same_give_the_same_bytes(tmp_path, monkeypatch):
    folder = tmp_path / "published"
    publish(folder, **arguments(tmp_path / "a", "covariance"))
    publish(folder, **arguments(tmp_path / "b", "demonstration"))
    before = {path.name: path.read_bytes() for path in (folder / "simulated_studies").glob("*")}
    publish(folder, **arguments(tmp_path / "c", "covariance", level=5.0))
    after = {path.name: path.read_bytes() for path in (folder / "simulated_studies").glob("*")}
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {
        "covariance.csv.gz",
        "covariance.json",
    }
    publish(folder, **arguments(tmp_path / "d", "covariance"))
    assert {path.name: path.read_bytes() for path in (folder / "simulated_studies").glob("*")} == (
        before
    )
    place = restored(folder, tmp_path / "back", monkeypatch)
    assert read(place / "covariance")[1]["value"].tolist() == [0.0, 1.0]
    assert read_plan(folder).simulated_studies == ("covariance", "demonstration")


def test_what_is_taken_out_is_gone(tmp_path):
    folder = tmp_path / "published"
    publish(folder, **arguments(tmp_path / "a", "covariance", "demonstration"))
    unpublish(folder, ["simulated_studies/covariance"])
    assert names(folder) == ["demonstration.csv.gz", "demonstration.json"]
    assert read_plan(folder).simulated_studies == ("demonstration",)
    with pytest.raises(RecordError, match="unknown published dataset or run 'simulated_studies/x'"):
        unpublish(folder, ["simulated_studies/x"])


@pytest.mark.parametrize(
    ("asked", "what"), [({"seeds": [0, 1, 2]}, "seeds"), ({"options": {"rows": 9}}, "options")]
)
def test_a_study_with_other_options_is_refused(tmp_path, asked, what):
    told = arguments(tmp_path / "a", "covariance")
    told["specs"]["simulated_studies/covariance"].update(asked)
    with pytest.raises(RecordError, match=rf"covariance: made with other {what} than this study"):
        publish(tmp_path / "published", **told)


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "published"
    told = arguments(tmp_path / "a", "covariance")
    publish(folder, **told)
    packed = folder / "simulated_studies/covariance.csv.gz"
    whole = packed.read_bytes()
    packed.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"1.0", b"2.0"), mtime=0))
    with pytest.raises(RecordError, match=r"results\.csv: was changed"):
        restored(folder, tmp_path / "b1", monkeypatch)
    packed.write_bytes(whole[:9])
    with pytest.raises(RecordError, match="not a compressed table"):
        restored(folder, tmp_path / "b2", monkeypatch)
    packed.write_bytes(whole)
    record = folder / "simulated_studies/covariance.json"
    changed = {**json.loads(record.read_text()), "seeds": [0, 7]}
    record.write_text(json.dumps(changed))
    with pytest.raises(RecordError, match=r"covariance\.json: was changed .*git checkout"):
        restored(folder, tmp_path / "b3", monkeypatch)


def test_a_plan_without_any_looks_as_before():
    assert "simulated_studies" not in Plan().to_json()
