"""What counts of the restarts of a split, and how the variance of scores is divided."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from mtnas.config.training import TrainingOptions
from mtnas.evidence.restarts import by_restart, components, counted
from mtnas.runtime.errors import RecordError
from mtnas.runtime.seeds import RESTART, generator, of_restarts, split_of

SEEDS = [0, 3, RESTART, RESTART + 3]
VALID = dict(zip(SEEDS, (0.9, 0.7, 0.8, 0.75), strict=True))  # best: restart 1 of 0, 0 of 3
SCORES = pd.DataFrame({"auc_t0": [0.1, 0.2, 0.3, 0.6]}, index=pd.Index(SEEDS, name="seed"))


def lines(losses=VALID):
    rows = [(seed, "valid", "all", "mtl_loss", loss) for seed, loss in losses.items()]
    rows += [(seed, "test", "all", "mtl_loss", 2 - loss) for seed, loss in losses.items()]
    rows += [(seed, "valid", "t0", "log_loss", 2 - loss) for seed, loss in losses.items()]
    return pd.DataFrame(rows, columns=["seed", "split", "task", "metric", "value"])


def counting(metrics=None, **options):
    training = TrainingOptions(**{"restarts": 2, **options})
    return counted(SCORES, lines() if metrics is None else metrics, training, where="run")


def test_the_restart_with_the_least_validation_loss_counts_whatever_it_scores_on_test():
    assert counting()["auc_t0"].to_dict() == {0: 0.3, 3: 0.2}


def test_or_the_mean_of_all_restarts_counts():
    found = counting(of_restarts="mean")
    assert found["auc_t0"].to_dict() == pytest.approx({0: 0.2, 3: 0.4})
    assert found.index.name == "seed"


def test_without_restarts_a_seed_is_itself_however_large():
    large = SCORES.set_axis(pd.Index([1, 2, 3, RESTART + 1], name="seed"))
    assert counted(large, lines(), TrainingOptions(), where="run") is large


def test_a_restart_without_a_validation_loss_is_refused():
    metrics = lines()
    gone = metrics[(metrics["seed"] != RESTART) | (metrics["split"] != "valid")]
    with pytest.raises(RecordError, match=rf"run: seeds \[{RESTART}\] lack the validation loss"):
        counting(gone)


def test_seeds_of_restarts_are_all_different_and_know_their_split():
    seeds = of_restarts((0, 7), 3)
    assert seeds[:2] == (0, 7)
    assert len(set(seeds)) == 6
    assert [split_of(seed) for seed in seeds] == [0, 7] * 3
    drawn = {generator(seed, "weights").random() for seed in seeds}
    assert len(drawn) == 6


def test_mean_squares_are_those_of_the_analysis_of_variance():
    scores_IJ = np.random.default_rng(0).normal(size=(6, 4)) + np.arange(6)[:, None]

    found = components(scores_IJ)

    between = found.within + found.restarts * found.between
    assert between / found.within == pytest.approx(f_oneway(*scores_IJ).statistic, rel=1e-12)
    assert (found.splits, found.restarts) == (6, 4)


@pytest.mark.parametrize(("between", "within"), [(2.0, 1.0), (0.0, 1.0), (1.0, 0.05)])
def test_planted_components_are_found(between, within):
    rng = np.random.default_rng(1)
    found = [
        components(rng.normal(0, between, (10, 1)) + rng.normal(0, within, (10, 4)))
        for _ in range(2000)
    ]
    assert np.mean([own.within for own in found]) == pytest.approx(within**2, rel=0.02)
    mean = np.mean([own.between for own in found])  # no bias, for negative estimates are kept
    assert mean == pytest.approx(between**2, rel=0.05, abs=0.01)


def test_a_negative_estimate_is_shown_as_none():
    found = components([[0.0, 1.0], [1.0, 0.0]])
    assert found.between < 0
    assert (found.sd("between"), found.share_within) == (0.0, 1.0)
    assert components([[1.0, 1.0], [1.0, 1.0]]).share_within is None
    with pytest.raises(ValueError, match="needs two of both"):
        components([[0.0, 1.0]])


def test_scores_stand_by_split_and_restart():
    grid = by_restart(SCORES["auc_t0"])
    assert grid.loc[0].tolist() == [0.1, 0.3]
    assert grid.loc[3].tolist() == [0.2, 0.6]
