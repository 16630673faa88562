"""The file of a checkpoint: when it is written, what comes back, and what becomes of a bad one."""

import errno
import json
import os
import signal

import numpy as np
import pytest
import torch
from safetensors import safe_open

from mtnas.runtime import seeds, signals
from mtnas.runtime.errors import StoppedError
from mtnas.training import checkpoint as module
from mtnas.training.checkpoint import Checkpoint


class Counting:
    """Work that has made some steps; its state has a leaf of every kind."""

    def __init__(self, steps=0):
        self.steps, self.rng = steps, seeds.generator(3, "routes")
        self.rng.random(steps)

    @property
    def at(self):
        return f"step {self.steps}"

    def state(self):
        return {
            "steps": self.steps,
            "leaves": [None, True, 0.1 + 0.2, "text", torch.tensor(2.0), torch.zeros(0, 3)],
            "arrays": {"ints": np.arange(3), "flags": np.array([True]), "none": np.zeros(0)},
            "sliced": torch.arange(6).view(2, 3)[:, 1:],
            "generators": seeds.states([self.rng]),
            "empty": [],
        }

    def load(self, state):
        self.steps, self.loaded = state["steps"], state
        seeds.restore([self.rng], state["generators"])


def kept(path, steps=7):
    """Write a checkpoint of some steps, as a process does that is told to end."""
    with pytest.raises(StoppedError) as caught, signals.heard():
        checkpoint = Checkpoint(path)
        with checkpoint.watching():
            os.kill(os.getpid(), signal.SIGTERM)
            checkpoint.keep(Counting(steps))
    return str(caught.value)


def resumed(path):
    work = Counting()
    Checkpoint(path).resume(work)
    return work


@pytest.fixture
def path(tmp_path):
    return tmp_path / "0-1.safetensors"


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is set."""
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_everything_comes_back_as_it_was(path):
    kept(path)
    work, expected = resumed(path), Counting(7)

    assert work.steps == 7
    assert work.rng.random() == expected.rng.random()
    assert work.loaded.keys() == expected.state().keys()
    *plain, number, empty = work.loaded["leaves"]
    assert plain == [None, True, 0.1 + 0.2, "text"]
    assert number.shape == ()
    assert (float(number), empty.shape) == (2.0, (0, 3))
    for name, array in expected.state()["arrays"].items():
        np.testing.assert_array_equal(work.loaded["arrays"][name], array, strict=True)
    assert work.loaded["sliced"].tolist() == [[1, 2], [4, 5]]
    assert work.loaded["empty"] == []


def test_a_checkpoint_is_one_file_of_named_tensors_and_json(path):
    kept(path)

    with safe_open(path, framework="np") as file:
        content = json.loads(file.metadata()["mtnas"])
        assert {"state.arrays.ints", "state.leaves.4", "state.generators.0.state.key"} <= set(
            file.keys()
        )
    assert content["at"] == "step 7"
    assert content["state"]["leaves"][:4] == [None, True, 0.1 + 0.2, "text"]
    assert list(path.parent.iterdir()) == [path]


def test_who_is_told_to_end_hears_where_to_go_on(path):
    assert kept(path).endswith(f"; {path} holds step 7, and the same command goes on from there")
    assert kept(path).startswith("told to end (SIGTERM): by scancel, or")


def test_short_work_writes_nothing_and_long_work_once_a_minute(path, clock):
    checkpoint, work = Checkpoint(path), Counting()
    written = []
    for clock[0] in (1.0, 59.0, 60.5, 61.0, 120.0, 120.6):
        work.steps += 1
        checkpoint.keep(work)
        written.append(resumed(path).steps)
    assert written == [0, 0, 3, 3, 3, 6]


def test_a_checkpoint_that_takes_long_is_written_less_often(path, clock, monkeypatch):
    def slow(*arguments):
        clock[0] += 10
        module_save(*arguments)

    module_save = module.save_file
    monkeypatch.setattr(module, "save_file", slow)
    checkpoint, work = Checkpoint(path), Counting()
    written = []
    for clock[0] in (61.0, 200.0, 270.0, 271.5):
        work.steps += 1
        checkpoint.keep(work)
        written.append(resumed(path).steps)

    assert written == [1, 1, 1, 4]


def test_the_clock_goes_on_where_it_was(path, clock):
    checkpoint = Checkpoint(path)
    clock[0] = 70.0
    checkpoint.keep(Counting(1))
    clock[0] = 1000.0
    again = Checkpoint(path)
    again.resume(Counting())
    clock[0] = 1070.0
    again.keep(Counting(2))
    last = Checkpoint(path)
    last.resume(Counting())

    assert (again.seconds, last.seconds) == (70.0, 140.0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a checkpoint"),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: module.save_file({"steps": torch.tensor(3)}, path),
        lambda path: module.save_file({}, path, {"mtnas": '{"at": "step 3", "seconds": 1}'}),
        lambda path: module.save_file(
            {}, path, {"mtnas": '{"at": "", "seconds": 1, "state": {"x": {"$torch": "gone"}}}'}
        ),
    ],
)
def test_a_broken_file_is_a_warning_and_a_fresh_start(path, damage, caplog):
    kept(path)
    damage(path)
    work = resumed(path)

    assert work.steps == 0
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert record.getMessage().startswith(f"{path}: no checkpoint (")
    assert record.getMessage().endswith("starting anew")


def test_what_a_killed_writer_left_is_removed(path):
    kept(path)
    for name in (".0-1.1234abcd.safetensors", ".2-3.1234abcd.safetensors"):
        (path.parent / name).write_bytes(b"half")
    resumed(path)

    assert {p.name for p in path.parent.iterdir()} == {path.name, ".2-3.1234abcd.safetensors"}


def test_a_full_disk_stops_no_work_and_leaves_the_old_checkpoint(path, clock, monkeypatch, caplog):
    kept(path)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "save_file", full)
    checkpoint = Checkpoint(path)
    clock[0] = 61.0
    checkpoint.keep(Counting(8))

    assert "step 8 cannot be kept ([Errno 28] No space left on device)" in caplog.text
    assert "step 8 cannot be kept" in kept(path, 8)
    assert resumed(path).steps == 7


def test_without_a_path_nothing_is_kept_and_signals_end_work_at_once():
    checkpoint, work = Checkpoint(), Counting()
    with pytest.raises(SystemExit), signals.heard(), checkpoint.watching():
        checkpoint.resume(work)
        checkpoint.keep(work)
        os.kill(os.getpid(), signal.SIGTERM)


def test_no_changed_bit_goes_on(path):
    """One bit of an exponent is a number like any other, and the end would be other scores."""
    kept(path)
    whole = path.read_bytes()
    for place in range(8, len(whole), 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        assert resumed(path).steps == 0
    path.write_bytes(whole)
    assert resumed(path).steps == 7
