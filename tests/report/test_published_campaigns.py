"""What documents show of the campaigns of faults and of hostile files."""

import json

import pytest

from mtnas.report.published import campaigns
from mtnas.report.published.whole import SUMS, changing, check_seal
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import read_json, sealed, write_json

DONE = {"moment": "finished", "recovered": True, "equal": True, "message_ok": True, "seconds": 9.6}
FAULTS = [
    {"kind": "one bit: a.csv", **DONE},
    {"kind": "one bit: b.csv", **DONE, "equal": False, "seconds": 20},
    {"kind": "KILL of a job", **DONE},
    {"kind": "full disk", **DONE, "recovered": None, "moment": "no mount here"},
    *[{"kind": "full disk", **DONE, "recovered": None, "moment": "not run"}] * 2,
]
OWN = {"cases": 1100, "refused": 1000, "accepted": 99, "failed": 1, "slowest_seconds": 1.26}
HOSTILE = {
    **{"seed": 1, "deadline_seconds": 60, "memory_megabytes": 1000, "seconds": 300},
    "kinds": {"configurations": OWN},
}


def test_disturbances_are_counted_by_kind(tmp_path):
    assert campaigns.faults(tmp_path) == campaigns.NOTHING
    (tmp_path / "faults.json").write_text(json.dumps(FAULTS))

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in _lines(tmp_path)]
    assert rows[2:-2] == [
        ["KILL of a job", "1", "1", "1", "1", "10 to 10"],
        ["a file: one bit", "2", "2", "1", "2", "10 to 20"],
        ["all (3 kinds)", "3", "3", "2", "3", "10 to 20"],
    ]
    named = "full disk (no mount here); 2 of full disk (not run)"
    assert _lines(tmp_path)[-1] == f"Without a result are 3 of 6 disturbances: {named}."
    assert campaigns.ran(tmp_path) == {"one bit: a.csv", "one bit: b.csv", "KILL of a job"}


def _lines(folder):
    return campaigns.faults(folder).splitlines()


@pytest.mark.parametrize("content", ["{", "{}", "[1]", '[{"kind": "a"}]'])
def test_other_content_is_refused_with_its_remedy(content, tmp_path):
    (tmp_path / "faults.json").write_text(content)
    with pytest.raises(RecordError, match=r"faults\.json: .*git checkout"):
        campaigns.faults(tmp_path)


def test_hostile_cases_are_counted_with_their_limits(tmp_path):
    assert campaigns.hostile(tmp_path) == campaigns.NOTHING
    write_json(tmp_path / "hostile.json", HOSTILE)

    text = campaigns.hostile(tmp_path)
    assert "1,100" in text and "1.3" in text
    assert text.endswith("Seed 1, 300 s on one core; a case may take 60 s and 1,000 MB.")

    del OWN["failed"]
    write_json(tmp_path / "hostile.json", HOSTILE)
    with pytest.raises(RecordError, match="a kind lacks one of"):
        campaigns.hostile(tmp_path)


def test_what_was_published_before_its_seal_knew_measurements_is_read(tmp_path):
    folder = tmp_path / "published"
    with changing(folder) as copy:
        write_json(copy / "setup.json", {"gigabytes": 2})
        write_json(copy / "inventory.json", {})
    told = read_json(folder / SUMS)
    older = {name: digest for name, digest in told["files"].items() if name != "setup.json"}
    write_json(folder / "setup.json", {"gigabytes": 3})
    with pytest.raises(RecordError, match=r"setup\.json: not published together"):
        check_seal(folder)

    write_json(folder / SUMS, sealed({"files": older}))
    check_seal(folder)
