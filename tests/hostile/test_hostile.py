"""A small part of the campaign, and the cage itself: what it has to notice, it notices."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtnas.runtime.errors import DataError
from tests.hostile import archives, configurations, datasets, downloads
from tests.hostile.__main__ import counted
from tests.hostile.cage import Case, judged

KINDS = {
    "configurations": lambda: [*configurations.cases(2, 700)][::35],
    "dataset files": lambda: [*datasets.cases(2, 500)][::20],
    "archives": lambda: [*archives.cases(2, 600)][::3],
    "download answers": lambda: [*downloads.cases()][::9],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_things_end_in_time_in_one_line_and_do_no_harm(kind: str, tmp_path: Path) -> None:
    cases = KINDS[kind]()
    outcomes = list(judged(cases, tmp_path / "cage"))

    assert [outcome.name for outcome in outcomes] == [case.name for case in cases]
    assert not [outcome for outcome in outcomes if outcome.ended == "failed"]
    assert {outcome.ended for outcome in outcomes} == {"accepted", "refused"}
    assert sum(own["cases"] for own in counted(2, outcomes)["kinds"].values()) == len(cases)


class LoudError(DataError):
    """An error whose message is not kept to one line."""

    __str__ = Exception.__str__


def refused(message: str) -> None:
    raise LoudError(message)


HARM = {
    "a traceback": (lambda folder: {}["x"], "KeyError"),
    "a command": (lambda folder: subprocess.run([sys.executable, "-V"]), "subprocess.Popen"),
    "a shell": (lambda folder: os.system("true"), "os.system"),
    "a file outside": (lambda folder: Path("../evil").write_text("x"), "evil"),
    "a file far away": (lambda folder: (folder.parents[2] / "evil").write_text("x"), "evil"),
    "a folder outside": (lambda folder: (folder.parent / "evil").mkdir(), "evil"),
    "two lines": (lambda folder: refused("toys.csv: broken\nand more"), "not one clear line"),
    "a line that steers": (lambda folder: refused("x"), "not one clear line"),
    "much memory": (lambda folder: b"x" * (1 << 30), "holds"),
    "a dead process": (lambda folder: os._exit(3), "its process ended"),
}


@pytest.mark.parametrize("harm", HARM)
def test_the_cage_notices(harm: str, tmp_path: Path) -> None:
    act, said = HARM[harm]
    fine = Case("?", "fine", lambda folder: refused("toys.csv: broken; fetch it again"))
    cases = [fine, Case("?", harm, act), fine]

    first, found, last = judged(cases, tmp_path / "cage")

    assert (first.ended, last.ended) == ("refused", "refused")
    assert found.ended == "failed" and said in found.said


def test_the_cage_ends_what_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.hostile.cage.DEADLINE_S", 0.3)
    (found,) = judged([Case("?", "endless", lambda folder: time.sleep(9))], tmp_path / "cage")

    assert found.ended == "failed" and "no end in 0.3 s" in found.said
