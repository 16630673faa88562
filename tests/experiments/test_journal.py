"""What a job goes on from: finished groups, and the checkpoint of the one under way."""

import numpy as np
import pytest
import torch

from mtnas.experiments.journal import Journal, run_groups
from mtnas.runtime.errors import StoppedError
from mtnas.training.checkpoint import Checkpoint

SEEDS = [0, 1, 2, 3, 4]


class Counting:
    """Work whose state is the number of its steps."""

    steps = 0

    @property
    def at(self):
        return f"step {self.steps}"

    def state(self):
        return {"steps": self.steps}

    def load(self, state):
        self.steps = state["steps"]


class Job:
    """Work on groups that notes what it was asked for; it stops at the group of `stop`."""

    def __init__(self, stop=None):
        self.groups, self._stop = [], stop

    def __call__(self, group, checkpoint):
        if self._stop in group:
            raise StoppedError
        self.groups.append(list(group))
        return [result(unit) for unit in group]


def result(unit):
    number = unit if isinstance(unit, int) else unit[0] + 10 * unit[1]
    return {"loss": 0.1 * number, "rows": np.arange(number), "w": torch.full((2,), number + 0.5)}


def same(results, units):
    for found, expected in zip(results, map(result, units), strict=True):
        assert found["loss"] == expected["loss"]
        np.testing.assert_array_equal(found["rows"], expected["rows"])
        assert torch.equal(found["w"], expected["w"])


@pytest.mark.parametrize("units", [SEEDS, [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1)]])
def test_finished_groups_are_not_done_again(units, tmp_path):
    stopped, again = Job(stop=units[4]), Job()
    with pytest.raises(StoppedError):
        run_groups(units, 2, stopped, Journal(tmp_path, {"code": "a"}))
    journal = Journal(tmp_path, {"code": "a"})
    results = run_groups(units, 3, again, journal)

    assert stopped.groups == [units[:2], units[2:4]]
    assert again.groups == [[units[4]]]
    same(results, units)
    assert journal.seconds > 0
    journal.remove()
    assert not tmp_path.exists()


def test_results_come_in_the_order_asked_for_however_they_are_grouped():
    for size in (1, 2, 5):
        same(run_groups(SEEDS[::-1], size, Job(), Journal()), SEEDS[::-1])


def test_another_identity_starts_anew(tmp_path):
    jobs = [Job(), Job()]
    for job, code in zip(jobs, "ab", strict=True):
        run_groups(SEEDS, 5, job, Journal(tmp_path, {"code": code}))
    assert jobs[0].groups == jobs[1].groups == [SEEDS]


def test_a_broken_file_of_results_is_a_warning_and_done_again(tmp_path, caplog):
    run_groups(SEEDS, 3, Job(), Journal(tmp_path, {}))
    damaged = next(tmp_path.glob("*/0-2.done.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    again = Job()

    same(run_groups(SEEDS, 3, again, Journal(tmp_path, {})), SEEDS)

    assert again.groups == [[0, 1, 2]]
    assert f"{damaged}: not taken over (" in caplog.text


def test_a_report_sees_all_that_is_finished():
    told = []
    run_groups(SEEDS, 2, Job(), Journal(), lambda results: told.append(len(results)))
    assert told == [2, 4, 5]


def test_a_checkpoint_of_something_else_is_a_warning_and_a_fresh_start(
    tmp_path, caplog, monkeypatch
):
    class Other(Counting):
        def state(self):
            return {"step": 3}

    monkeypatch.setattr("mtnas.training.checkpoint.EVERY_S", 0.0)
    journal = Journal(tmp_path, {})
    Checkpoint(journal.folder / "0-0.safetensors").keep(Other())

    def work(group, checkpoint):
        counting = Counting()
        checkpoint.resume(counting)
        return [counting.steps]

    assert run_groups([0], 1, work, journal) == [0]
    assert "not of this work (KeyError('steps')); starting anew" in caplog.text
