"""`mtnas diagnose`: the command that it gives to Snakemake, and what it refuses."""

import json
import subprocess
from pathlib import Path

import pytest

from mtnas import __main__ as command
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study import ask


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """Note what is run, in an empty folder; it succeeds, and writes the recommendation of toys."""
    monkeypatch.chdir(tmp_path)
    noted = []

    def run(arguments, **_):
        noted.append(arguments)
        target = Path(arguments[-1])
        if "toys" not in target.parts:
            return subprocess.CompletedProcess(arguments, 1)
        target.parent.mkdir(parents=True)
        target.write_text("Share.\n")
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(ask.subprocess, "run", run)
    monkeypatch.setattr(ask, "use_this_checkout", lambda: None)
    monkeypatch.setattr(ask.plugins, "names", lambda package: ("toys", "other"))
    return noted


def settings(arguments):
    after = arguments[arguments.index("--config") + 1 : arguments.index("--")]
    return {key: json.loads(value) for key, _, value in (own.partition("=") for own in after)}


def test_it_asks_for_one_recommendation_and_prints_it(calls, capsys):
    assert command.main(["diagnose", "toys", "--cores", "3"]) == 0
    assert capsys.readouterr().out == "Share.\n"
    (arguments,) = calls
    assert arguments[-1] == "results/diagnosis/toys/recommendation.md"
    assert arguments[arguments.index("--cores") + 1] == "3"
    assert arguments[arguments.index("--snakefile") + 1] == str(REPOSITORY / "Snakefile")
    assert settings(arguments) == {
        "datasets": ["movielens", "insteval", "toys"],
        "diagnosis": {"datasets": ["toys"]},
    }


def test_overlays_are_handed_on_and_their_datasets_kept(calls, tmp_path):
    files = [tmp_path / name for name in ("a.yaml", "b.yaml")]
    files[0].write_text("datasets: [gss]\n")
    files[1].write_text("seeds: 2\n")
    ask.diagnosed("toys", files=files)
    (arguments,) = calls
    place = arguments.index("--configfile")
    assert arguments[place + 1 : place + 3] == list(map(str, files))
    assert settings(arguments)["datasets"] == ["gss", "toys"]


def test_where_there_is_no_workflow_it_says_so(calls, tmp_path):
    with pytest.raises(ConfigError, match="no Snakefile in .*from a clone of the repository"):
        ask.diagnosed("toys", checkout=tmp_path)
    assert not calls


def test_a_file_that_is_not_there_and_a_failed_run_are_one_line(calls, capsys):
    assert command.main(["diagnose", "toys", "--configfile", "no.yaml"]) == 1
    assert "--configfile no.yaml: there is no such file" in capsys.readouterr().err
    with pytest.raises(RecordError, match="Snakemake says above why"):
        ask.diagnosed("other")


def test_an_unknown_dataset_is_refused_before_anything_runs(calls, tmp_path):
    with pytest.raises(ConfigError, match="unknown dataset 'toyz' .did you mean 'toys'"):
        ask.diagnosed("toyz")
    assert not calls


def test_a_dataset_that_the_configuration_draws_is_known(calls, tmp_path):
    overlay = tmp_path / "a.yaml"
    overlay.write_text("synthetic: {near: {rho: 0.9}}\n")
    with pytest.raises(RecordError, match="could not be made"):
        ask.diagnosed("near", files=[overlay])
    assert len(calls) == 1


@pytest.mark.parametrize("text", ["a: [1", "- a", "synthetic: 5", "synthetic: [[1]]"])
def test_an_overlay_that_says_nothing_sensible_is_one_line_that_names_it(
    calls, tmp_path, capsys, text
):
    (tmp_path / "bad.yaml").write_text(text)
    assert command.main(["diagnose", "toys", "--configfile", "bad.yaml"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("ConfigError: bad.yaml: ") and told.count("\n") == 1 and not calls


def test_datasets_that_are_no_names_are_left_to_snakemake(calls, tmp_path):
    (tmp_path / "a.yaml").write_text("datasets: [[1]]")
    ask.diagnosed("toys", files=[tmp_path / "a.yaml"])
    assert settings(calls[0])["datasets"] == [[1], "toys"]


def test_a_mistyped_overlay_names_the_nearest(tmp_path):
    (tmp_path / "a_study.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"no such file \(did you mean .*/a_study.yaml"):
        ask.check_files([tmp_path / "a_studi.yaml"], REPOSITORY)
