"""The benchmark suite's own arithmetic, and its numbers in the documentation."""

import importlib
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from benchmarks import ours
from benchmarks import outcome as kept
from benchmarks.__main__ import SUITE, main
from benchmarks.harness import alternate, ratio
from benchmarks.outcome import Outcome, Settings
from benchmarks.suite import accuracy, routes
from benchmarks.work import BATCH, FIELDS, make_work
from mtnas.report.published import performance
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import read_json, write_json
from mtnas.training import trainer

MACHINE = {"commit": "1234567", "cpu": "A CPU", "cores": 2, "gpu": None, "torch": "2.13.0"}


def test_every_benchmark_can_be_run():
    for name in SUITE:
        assert callable(importlib.import_module(f"benchmarks.suite.{name}").run)


def test_an_unknown_benchmark_is_refused_with_what_is_allowed(capsys):
    with pytest.raises(SystemExit):
        main(["stepp"])
    assert "unknown benchmark stepp; allowed: step, table_size" in capsys.readouterr().err


def test_ratios_are_formed_within_a_round():
    assert ratio([10, 20, 30], [1, 4, 5]) == {"median": 6, "min": 5, "max": 10, "runs": 3}


def test_a_thread_is_kept_from_torch_as_long_as_ours_reads_ahead(monkeypatch):
    given = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(trainer, "ROWS_PER_READ", trainer.ROWS_PER_READ)
    monkeypatch.setattr(ours, "PROCESS", ExitStack())
    step = ours.build(make_work(num_rows=1_500, steps=4), by_rows=True)
    assert step(0) > 0
    assert given == [1]
    ours.PROCESS.close()


@pytest.mark.parametrize("exact", [False, True])
def test_what_jumps_change_is_measured_on_tables_that_are_updated_by_rows(exact, monkeypatch):
    def train(spec, job):
        rows = [(0, "t0", "test", "auc", float(trainer.ROWS_PER_READ))]
        frame = pd.DataFrame(rows, columns=["seed", "task", "split", "metric", "value"])
        return SimpleNamespace(metrics=frame)

    monkeypatch.setattr(accuracy, "train", train)
    files = {"table": Path("t.parquet"), "manifest": Path("m.json")}
    assert accuracy._auc("movielens", [0], files, exact=exact, together=1)["t0"].tolist() == [0]


def test_work_is_the_same_rows_in_both_forms():
    work = make_work(num_rows=1_500, steps=4)
    assert work.ids.shape == work.field_ids.shape == (4 * BATCH, FIELDS)
    assert work.ids.max() < 1_500 and work.field_ids.max() < work.field_rows == 100
    # One shared table: a row belongs to one value of one field.
    pairs = {(f, int(v)): int(i) for f in range(FIELDS)
             for v, i in zip(work.field_ids[:, f], work.ids[:, f], strict=True)}  # fmt: skip
    assert len(set(pairs.values())) == len(pairs)
    assert work.batch(5) == work.batch(1)


@pytest.mark.slow
def test_contenders_take_turns_in_processes_of_their_own():
    small = {"num_rows": 1_500, "batches": 4}
    measured = alternate(
        {"ours": {**small, "kind": "ours"},
         "torch": {**small, "kind": "torch", "options": {"form": "fused"}}},
        rounds=2, seconds=0.01,
    )  # fmt: skip
    for seen in measured.values():
        assert len(seen["examples_per_second"]) == 2
        assert seen["ready"]["first_loss"] == pytest.approx(1.386, abs=0.02)  # 2 ln 2


@pytest.mark.slow
def test_routes_together_against_apart_gives_a_ratio():
    outcome = routes.run(Settings(quick=True))
    assert isinstance(outcome, Outcome)
    assert outcome.ratios["routes_together_vs_apart"]["median"] > 0


def test_tables_and_ratios_are_rendered(tmp_path):
    outcome = {
        "title": "Steps", "columns": ["Who", "rate"], "note": "A note.", "machine": MACHINE,
        "simulated": True,
        "rows": [["ours", 123456.7], ["torch", 0.01234], ["none", ""]],
    }  # fmt: skip
    r = {"median": 2.5, "min": 2.0, "max": 3.0, "runs": 7}
    content = {"vs_torch_fused_dense": r, "tables": {"step": outcome}}
    write_json(tmp_path / "performance.json", content)
    text = performance.table(tmp_path, "step")
    assert text.startswith("### Steps (simulated data)\n")
    assert "| ours | 123,457 |\n| torch | 0.0123 |\n| none |  |" in text
    assert text.endswith("A note. A CPU, 2 cores, torch 2.13.0, commit 1234567.")
    assert "| torch's fused dense Adam | 2.50 | 2.00 | 3.00 | 7 |" in performance.ratios(tmp_path)
    with pytest.raises(RecordError, match="did you mean 'step'"):
        performance.table(tmp_path, "stepp")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "performance.json: missing; "),
        ("{", "performance.json: not JSON"),
        ("{}", "performance.json: lacks tables; "),
        ('{"tables": []}', "performance.json: tables lacks a mapping; "),
        ('{"tables": {"step": {"title": "Steps"}}}', "tables.step lacks columns, rows, note, simu"),
        (
            '{"tables": {}, "vs_torch_fused_dense": {"median": 1}}',
            "fused_dense lacks min, max, runs",
        ),
    ],
)
def test_broken_measurements_are_named_with_the_commands_that_exist(tmp_path, content, message):
    if content is not None:
        (tmp_path / "performance.json").write_text(content)
    render = performance.ratios if content and "vs_" in content else performance.table
    arguments = (tmp_path,) if render is performance.ratios else (tmp_path, "step")
    with pytest.raises(RecordError) as caught:
        render(*arguments)
    assert message in str(caught.value)
    assert str(caught.value).endswith(
        "restore it with `git checkout results/published`, or measure again with `make benchmarks`"
    )


def test_publishing_keeps_what_was_measured_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "performance")
    monkeypatch.setattr(kept, "PUBLISHED", tmp_path / "performance.json")
    r = {"median": 2.5, "min": 2.0, "max": 3.0, "runs": 7}
    Outcome("Old", ("Who",), [("ours",)], ratios={"a": r}).save("one", MACHINE)
    Outcome("Other", ("Who",), [("ours",)], ratios={"b": r}).save("two", MACHINE)
    kept.publish()
    (tmp_path / "performance/two.json").unlink()
    Outcome("New", ("Who",), [("ours",)], ratios={"a": {**r, "median": 9.0}}).save("one", MACHINE)
    kept.publish()
    found = read_json(tmp_path / "performance.json")
    assert (found["a"]["median"], found["b"]["median"]) == (9.0, 2.5)
    assert {name: table["title"] for name, table in found["tables"].items()} == {
        "one": "New", "two": "Other",
    }  # fmt: skip
