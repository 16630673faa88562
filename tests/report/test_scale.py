"""What TikTok whole costs on paper: the arithmetic, and the point that is measured."""

from dataclasses import replace
from functools import partial

import pytest

from benchmarks import scale
from benchmarks.gpu import predicted
from benchmarks.outcome import PUBLISHED, Settings
from benchmarks.scale import Rates
from benchmarks.suite import scale as suite
from mtnas.runtime.files import read_json

RATES = Rates({1_000: 2.0, 100_000: 4.0}, search_over_training=2.0, prepared_per_second=1e5,
              job_seconds=0.0)  # fmt: skip


def test_steps_lie_between_the_sizes_that_were_measured():
    assert RATES.step_seconds(1_000) == pytest.approx(2e-3)
    assert RATES.step_seconds(10_000) == pytest.approx(3e-3)  # half way in its logarithm
    assert RATES.step_seconds(10**9) == pytest.approx(4e-3)


def test_scoring_a_row_costs_a_third_of_training_on_it():
    alone = RATES.training_seconds(5_120, 0, 1_000)
    assert alone == pytest.approx(10 * 2e-3)
    assert RATES.training_seconds(5_120, 5_120, 1_000) == pytest.approx(4 / 3 * alone)


def test_every_method_but_the_controls_is_counted_and_single_has_a_model_per_task():
    models = scale.trained_models()
    assert models["single_task"] == 2
    assert set(models.values()) == {1, 2}
    assert not any(name.startswith("control") for name in models)


def test_a_cluster_divides_no_job_and_the_search_comes_before_mtnas():
    many = {f"m{i}": 1.0 for i in range(100)} | {"mtnas": 1.0, "search": 3.0}
    assert scale.cluster_hours(many) == pytest.approx(104 / 8)
    assert scale.cluster_hours({"mmoe": 1.0, "mtnas": 2.0, "search": 3.0}) == 5.0


def test_costs_grow_with_what_a_step_takes(monkeypatch):
    slower = Rates({1_000: 4.0, 100_000: 8.0}, 2.0, 1e5, 0.0)
    assert scale.cpu_hours(slower) == pytest.approx(2 * scale.cpu_hours(RATES))


def test_a_slower_gpu_takes_longer_and_every_job_has_to_start(monkeypatch):
    monkeypatch.setattr(scale, "ON_CPU", 0.0)
    before, predict = scale.gpu_hours(RATES), predicted.step
    slow = predicted.Gpu("half as fast", 3.35e12 / 2, 67e12 / 2, launch=10e-6, replay=3e-6)
    monkeypatch.setattr(scale.predicted, "step", partial(predict, gpu=slow))
    after = scale.gpu_hours(replace(RATES, job_seconds=3600.0))
    assert after == pytest.approx({name: 1 + 2 * hours for name, hours in before.items()})


def test_rates_are_those_that_were_published():
    rates = Rates.of(read_json(PUBLISHED))
    assert rates.step_ms.keys() >= {1_000_000, 10_000_000}
    assert 1 < rates.search_over_training < 4


@pytest.mark.slow
def test_a_point_of_it_can_be_measured():
    outcome = suite.run(Settings(quick=True, rounds=1))
    (what, _, foreseen, _, took), jumps, exact = outcome.rows[-3:]
    assert "20,000 simulated rows" in what
    assert 0 < foreseen < 100 and 0 < took < 100
    assert 0 < jumps[-1] < 100 and 0 < exact[-1] < 100
    assert outcome.ratios["exact_decay_vs_jumps"]["median"] == exact[-1] / jumps[-1]
