"""The benchmark of a GPU, walked through on the CPU: no mistake waits until a GPU is there."""

import subprocess
import sys

import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.gpu import predicted, sections, training
from benchmarks.gpu.sections import SECTIONS
from benchmarks.gpu.training import DRY
from benchmarks.outcome import Settings, UnavailableError
from benchmarks.suite import gpu, gpu_prediction


@pytest.mark.parametrize("name", [name for name in SECTIONS if name != "study"])
def test_every_section_walks_through_on_a_cpu(name):
    rows = list(SECTIONS[name][0](DRY))
    assert rows
    for what, measured, unit, foreseen in rows:
        assert what and isinstance(unit, str)
        assert measured >= 0
        assert foreseen is None or foreseen >= 0


@pytest.mark.slow
def test_a_study_is_planned_with_a_gpu_for_its_jobs():
    assert len(list(sections.study(DRY))) == 1


def test_all_sections_together_take_eight_minutes_at_most():
    assert sum(limit for _, limit in SECTIONS.values()) <= 480


def test_a_section_that_fails_is_named_and_the_rest_go_on(monkeypatch, capsys):
    def section(name, *, dry):
        rows = [("what", 1.0, "ms", None)]
        return (rows, None) if name != "tables" else (rows[:0], "section tables: ended with 1 (no)")

    monkeypatch.setattr(gpu, "section", section)
    seen = list(gpu.parts(Settings(dry=True)))
    assert len(seen) == len(SECTIONS)  # kept after each
    assert [row[0] for row in seen[-1].rows] == [name for name in SECTIONS if name != "tables"]
    assert seen[-1].failures == ("section tables: ended with 1 (no)",)
    assert "Not measured: section tables: ended with 1 (no)." in seen[-1].note
    with pytest.raises(SystemExit, match="section tables"):
        main(["gpu", "--dry"])


@pytest.mark.parametrize(
    ("code", "limit", "rows", "error"),
    [
        ("print('[\"a\", 1, \"ms\", null]')", 60, [("a", 1, "ms", None)], None),
        ("print('[\"a\", 1, \"ms\", null]'); raise ValueError('no\\nmore')", 60,
         [("a", 1, "ms", None)], "section memory: ended with 1 (more)"),
        ("print('[\"a\", 1, \"ms\", null]', flush=True); import time; print('[\"b', end='', "
         "flush=True); time.sleep(60)", 3, [("a", 1, "ms", None)],
         "section memory: took longer than 3 s"),
    ],
)  # fmt: skip
def test_rows_are_kept_also_of_a_section_that_does_not_end(monkeypatch, code, limit, rows, error):
    run = subprocess.run
    monkeypatch.setattr(
        gpu.subprocess, "run", lambda command, **more: run([sys.executable, "-c", code], **more)
    )
    assert gpu.section("memory", dry=True, limit=limit) == (rows, error)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_is_skipped_and_says_how_to_try_it():
    with pytest.raises(UnavailableError, match="--dry tries it on the CPU"):
        gpu.run(Settings())


def test_aucs_that_differ_are_an_error(monkeypatch):
    found = iter([0.7, 0.7, 0.7006, 0.7])
    monkeypatch.setattr(sections, "_auc", lambda *_: next(found))
    with pytest.raises(RuntimeError, match=r"AUCs differ by 6.0e-04, more than 0.0005"):
        list(sections.equality(DRY))


def test_a_step_that_was_to_be_recorded_and_was_not_is_an_error(monkeypatch):
    def fails(work):
        raise RuntimeError("not here")

    monkeypatch.setattr(training, "later", fails)
    with pytest.raises(RuntimeError, match="was not recorded"):
        list(sections.models(DRY))


def test_a_prediction_grows_with_rows_and_models_and_counts_operations():
    assert 50 < predicted.operations(1) < predicted.operations(2) < 400
    small, large = predicted.step(1, 1_000_000), predicted.step(1, 4_000_000)
    assert large.table == pytest.approx(4 * small.table)
    assert small.captured < small.plain
    assert predicted.operations(1) < predicted.operations(1, swept=True) < 300
    assert predicted.step(1, 4_000_000, swept=True).table < large.table / 20
    # 8 numbers of 4 bytes for each of 10^7, at 70 % of 3.35 TB/s.
    assert small.table == pytest.approx(32 * 1e7 / (0.7 * 3.35e12))
    outcome = gpu_prediction.run(Settings(quick=True))
    assert len(outcome.rows) == 4
    assert "not measured" in outcome.title
