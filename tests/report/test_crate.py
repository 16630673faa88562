"""`mtnas crate`: every file with its SHA-256, every record with what went in and came out."""

import hashlib
import json
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from mtnas.__main__ import main
from mtnas.report.crate import write
from mtnas.runtime.files import sealed
from mtnas.runtime.usage import Usage
from tests.report.test_verify import results  # noqa: F401

RUN = "results/runs/toys/mmoe/paper"
INPUTS = ["results/data/toys/manifest.json", "results/data/toys/table.parquet"]


@pytest.fixture
def study(results: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A finished study of one run, which Snakemake remembers; the current folder holds it."""
    pytest.importorskip(
        "rocrate", reason="rocrate is not installed: .venv/bin/pip install -e '.[crate]'"
    )
    monkeypatch.chdir(results.parent)
    (results / "answer.json").write_text("{}")
    memory = results.parent / ".snakemake/metadata"
    memory.mkdir(parents=True)
    name = urlsafe_b64encode(f"{RUN}/run.json".encode()).decode()
    told = {"input": INPUTS, "starttime": 1_700_000_000.0, "endtime": 1_700_000_009.5}
    (memory / name).write_text(json.dumps(told))
    return results.parent


def entities(crate: Path) -> dict[str, dict[str, object]]:
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


def ids(value: object) -> list[str]:
    return [one["@id"] for one in (value if isinstance(value, list) else [value])]


def test_a_crate_tells_what_made_what(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crate", "--out", "crate", "--agent", "Ada"]) == 0
    assert capsys.readouterr().out == "crate: 3 actions, run by Ada\n"

    told = entities(study / "crate")
    action = told[f"#{RUN}"]
    assert ids(action["object"]) == [INPUTS[0], f"#{INPUTS[1]}", f"#{RUN}/spec"]
    assert f"{RUN}/metrics.csv" in ids(action["result"])
    assert told[ids(action["agent"])[0]]["name"] == "Ada"
    assert action["startTime"] == "2023-11-14T22:13:20+00:00"
    assert action["endTime"] == "2023-11-14T22:13:29+00:00"
    assert told[f"#{RUN}/wall-seconds"]["value"] > 0
    software = told[ids(action["instrument"])[0]]
    assert software["name"] == "mtnas" and "commit" in software["softwareVersion"]
    spec = json.loads(told[f"#{RUN}/spec"]["value"])
    assert (spec["dataset"], spec["method"]) == ("toys", "mmoe")
    assert ids(told["#study"]["instrument"]) == ["Snakefile"] == ids(told["./"]["mainEntity"])


def test_every_file_has_its_digest_and_data_stay_where_they_are(study: Path) -> None:
    write.write_crate(study / "results", study / "crate", "Ada")

    told, files = entities(study / "crate"), list((study / "crate/results").rglob("*"))
    found = [path for path in files if path.is_file()]
    assert {path.name for path in found} >= {"run.json", "metrics.csv", "manifest.json"}
    for path in found:
        entity = told[path.relative_to(study / "crate").as_posix()]
        assert entity["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest(), path
        assert int(str(entity["contentSize"])) == path.stat().st_size
    assert not (study / "crate" / INPUTS[1]).exists()
    digest = hashlib.sha256((study / INPUTS[1]).read_bytes()).hexdigest()
    assert told[f"#{INPUTS[1]}"]["sha256"] == digest
    assert not list((study / "crate").rglob("__pycache__"))
    assert (study / "crate/src/mtnas/__main__.py").is_file()


def test_what_is_known_of_a_job_without_snakemake(study: Path) -> None:
    shutil.rmtree(study / ".snakemake")
    write.write_crate(study / "results", study / "crate", "Ada")

    action = entities(study / "crate")[f"#{RUN}"]
    assert ids(action["object"]) == [f"#{RUN}/spec"]
    assert "startTime" not in action


def test_usage_is_told(study: Path) -> None:
    path = study / RUN / "run.json"
    content = json.loads(path.read_text())
    content["usage"] = Usage(cpu_seconds=7, peak_memory_mb=320.5, ended="2026-01-02T03:04:05+00:00")
    content["usage"] = content["usage"].model_dump()
    path.write_text(json.dumps(sealed(content)))
    write.write_crate(study / "results", study / "crate", "Ada")

    told = entities(study / "crate")
    assert told[f"#{RUN}"]["endTime"] == "2026-01-02T03:04:05+00:00"
    names = [f"#{RUN}/{name}" for name in ("wall-seconds", "CPU-seconds", "peak-memory-MB")]
    assert ids(told[f"#{RUN}"]["resourceUsage"]) == names
    assert told[names[2]]["value"] == 320.5


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda study: (study / "crate").mkdir(), "is there already"),
        (lambda study: (study / "results/answer.json").unlink(), "no finished study"),
        (
            lambda study: (study / RUN / "metrics.csv").write_text("seed"),
            "metrics.csv: was changed",
        ),
    ],
)
def test_what_cannot_be_a_crate_is_refused(study, spoil, words, capsys) -> None:
    spoil(study)
    assert main(["crate", "--out", "crate"]) == 1

    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1
    assert not (study / "crate/ro-crate-metadata.json").exists()


def test_without_the_package_it_says_how_to_install_it(monkeypatch, capsys) -> None:
    monkeypatch.setattr(write, "find_spec", lambda name: None)
    assert main(["crate", "--out", "crate"]) == 1
    assert "pip install -c requirements/lock.txt -e '.[crate]'" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib, which it uses
def test_the_profile_is_kept(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The validator of the RO-Crate project finds nothing that a crate must have and lacks."""
    reason = (
        "roc-validator is not installed; it needs an environment of its own, since it wants an "
        "older rich than import-linter: pip install roc-validator==0.13.0"
    )
    validator = pytest.importorskip("rocrate_validator.services", reason=reason)
    write.write_crate(study / "results", study / "crate", "Ada")

    assert required(validator, study / "crate", monkeypatch) == []
    path = study / "crate/ro-crate-metadata.json"
    content = json.loads(path.read_text())
    for entity in content["@graph"]:
        if entity["@id"] in ("./", f"#{RUN}"):
            for name in ("license", "instrument"):
                entity.pop(name, None)
    path.write_text(json.dumps(content))
    wrong = " ".join(required(validator, study / "crate", monkeypatch))
    assert "MUST have an instrument" in wrong and "license" in wrong


def required(validator, crate: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what must be and is not; the JSON-LD context is that of the installed rocrate."""
    import rocrate
    from rocrate_validator import models
    from rocrate_validator.utils.http import HttpRequester

    shipped = Path(rocrate.__file__).with_name("data") / "ro-crate.jsonld"  # of RO-Crate 1.3
    context = shipped.read_text().replace("bioschemas.org/terms/", "bioschemas.org/")  # as in 1.1

    class Answer:
        status_code, text, content = 200, context, context.encode()
        headers = {"Content-Type": "application/ld+json"}

        def json(self) -> object:
            return json.loads(context)

    monkeypatch.setattr(HttpRequester, "get", lambda self, url, **how: Answer(), raising=False)
    settings = models.ValidationSettings(
        rocrate_uri=str(crate),
        profile_identifier="workflow-run-crate",
        requirement_severity=models.Severity.REQUIRED,
    )
    return [str(issue.message) for issue in validator.validate(settings).get_issues()]
