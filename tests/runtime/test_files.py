import re
import subprocess
from contextlib import ExitStack

import pytest

from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import (
    atomic_path,
    check_artefact,
    read_record,
    remake,
    without_remake,
    write_record,
)
from mtnas.runtime.provenance import REPOSITORY


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "metrics.csv"

    with atomic_path(target) as first, atomic_path(target) as second:
        first.write_text("whole\n")
        second.write_text("who")
        assert not target.exists()
        second.write_text("whole\n")

    assert target.read_text() == "whole\n"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_writer_leaves_what_was_there(tmp_path):
    target = tmp_path / "metrics.csv"
    target.write_text("before\n")

    with pytest.raises(ZeroDivisionError), atomic_path(target) as path:
        path.write_text("half")
        raise ZeroDivisionError

    assert target.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("advice", ["; run `{}`", "; delete it and run `{}`"])
def test_advice_to_make_a_file_again_can_be_left_out(advice):
    message = "results/runs/a/run.json: its `spec` is lacking"

    assert without_remake(message + advice.format(remake("results/runs/a/run.json"))) == message
    assert without_remake(f"{message}; run `make schema`") == f"{message}; run `make schema`"


def test_the_manual_finds_what_a_killed_writer_leaves_and_nothing_that_is_read(tmp_path):
    manual = (REPOSITORY / "docs/slurm.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    (find results .*)$", manual, re.M)
    run = tmp_path / "results/runs/toys/mmoe/paper"
    kept = [run / "metrics.csv", run / ".unfinished/0123456789abcdef/0-4.safetensors"]
    kept += [tmp_path / "results/.digests.json", tmp_path / "results/raw/toys/.hidden.csv"]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with ExitStack() as writers:
        targets = (run / "run.json", kept[1], run / "no_suffix")
        unfinished = [writers.enter_context(atomic_path(target)) for target in targets]
        for path in unfinished:
            path.touch()
        printed = subprocess.check_output(command, shell=True, cwd=tmp_path, text=True)

    assert {tmp_path / line for line in printed.splitlines()} == set(unfinished)


def test_a_record_is_read_only_as_it_was_written(tmp_path):
    artefact, path = tmp_path / "metrics.csv", tmp_path / "run.json"
    artefact.write_text("a\n1\n")
    write_record(path, {"auc": 0.1 + 0.2, "seeds": (0, 1), "by": {1: None}}, [artefact])

    record = read_record(path, ("auc",))
    assert (record["auc"], record["seeds"], record["by"]) == (0.1 + 0.2, [0, 1], {"1": None})
    check_artefact(artefact, record["artefacts"])

    artefact.write_text("a\n2\n")
    with pytest.raises(RecordError, match=r"metrics.csv: was changed .* run `.*metrics.csv`"):
        check_artefact(artefact, record["artefacts"])
    artefact.unlink()
    with pytest.raises(RecordError, match="metrics.csv: missing; "):
        check_artefact(artefact, record["artefacts"])


@pytest.mark.parametrize("edit", [('"auc": 0.5', '"auc": 0.6'), ('"seeds"', '"seed"')])
def test_a_record_that_was_edited_is_refused(tmp_path, edit):
    path = tmp_path / "run.json"
    write_record(path, {"auc": 0.5, "seeds": [0]})
    path.write_text(path.read_text().replace(*edit))
    with pytest.raises(RecordError, match=r"run.json: was changed .* delete it and run"):
        read_record(path)


def test_a_record_without_its_digest_is_refused(tmp_path):
    path = tmp_path / "run.json"
    path.write_text('{"auc": 0.5}')
    with pytest.raises(RecordError, match="run.json: lacks its digest"):
        read_record(path)
