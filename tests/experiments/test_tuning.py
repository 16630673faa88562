"""The grid search: what is tried, what wins, and that no test example has a say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtnas.evidence.resampling import INDEPENDENT
from mtnas.experiments import models
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.derive import with_winner
from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.experiments.select_trial import choose
from mtnas.experiments.train import train
from mtnas.experiments.tune import tune
from mtnas.runtime.errors import RecordError, TrainingError
from mtnas.study.grids import expand, replaced
from tests.helpers.specs import spec_of
from tests.helpers.synthetic import examples
from tests.helpers.tables import write_table

MTNAS = {"num_layers": 1, "num_subnets": 4, "hidden_dim": 48}
TRAINING = {
    "epochs": 3,
    "patience": 1,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "weight_decay": 5e-4,
    "embedding_dim": 3,
    "dtype": "float64",
}
GRID = {
    "training.learning_rate": [1e-3, 1e-2],
    "training.weight_decay": [5e-4, 5e-2],
    "options.num_experts": [2, 4],
}
GRIDLESS = object()  # in place of a grid: a run, or a search
RATES = {name: GRID[name] for name in ("training.learning_rate", "training.weight_decay")}


def write(folder, ids, labels, split):
    """Write a prepared table; return its paths."""
    folder.mkdir(exist_ok=True)
    return write_table(folder / "table.parquet", ids, labels, split)


def arrays():
    data = examples()
    split = np.repeat(np.array([0, 1, 2], np.int8), [400, 100, 100])
    return data.inputs.ids.numpy(), data.labels.numpy().astype(np.int8), split


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data"), *arrays())


def spec(method="mmoe", grid=GRID, **changes):
    values = {
        "dataset": "insteval",
        "method": method,
        "variant": "paper",
        "seeds": [0, 1],
        "fixed_split": False,
        "training": TRAINING,
        "options": MTNAS if method == "mtnas" else {"num_experts": 2} if method == "mmoe" else {},
        "budget": None if method == "mtnas" else MTNAS,
        "grid": grid,
        **changes,
    }
    return spec_of(**{key: value for key, value in values.items() if value is not GRIDLESS})


def test_a_grid_is_all_combinations_those_of_one_shape_side_by_side():
    points = expand(GRID)
    assert len(points) == len({tuple(sorted(p.items())) for p in points}) == 8
    assert [p["options.num_experts"] for p in points] == [2] * 4 + [4] * 4
    assert expand({"training.batch_size": [64]}) == [{"training.batch_size": 64}]


def test_values_enter_a_copy_of_the_spec():
    old = {"options": {"gates": {"low": 1, "high": 2}}, "seeds": [0]}
    new = replaced(old, {"options.gates.low": 3})
    assert new == {"options": {"gates": {"low": 3, "high": 2}}, "seeds": [0]}
    assert old["options"]["gates"]["low"] == 1


@pytest.mark.parametrize("method", ["mmoe", "single_task", "snr_aver"])
def test_a_trial_is_the_run_with_its_options_and_not_changed_by_company(method, data):
    grid = GRID if method == "mmoe" else RATES
    together = tune(spec(method, grid), Job(**data, at_once=8)).trials
    assert together["trial"].nunique() == len(expand(grid))
    for number, values in enumerate(expand(grid), 1):
        result = train(spec(method, GRIDLESS).with_values(values), Job(**data, at_once=1))
        own = together[together["trial"] == number].set_index("seed")
        valid = result.metrics.query("split == 'valid'").set_index(["seed", "metric", "task"])
        for seed in (0, 1):
            loss = valid.loc[(seed, "mtl_loss", "all"), "value"]
            assert own.loc[seed, "valid_mtl_loss"] == pytest.approx(loss, rel=0, abs=1e-12)
            for task in (0, 1):
                auc = valid.loc[(seed, "auc", f"t{task}"), "value"]
                assert own.loc[seed, f"valid_auc_t{task}"] == pytest.approx(auc, abs=1e-12)
                fit = next(f for f in result.record.fits if f.seed == seed and task in f.tasks)
                assert own.loc[seed, f"best_epoch_t{task}"] == fit.best_epoch


def close(one, other):
    pd.testing.assert_frame_equal(
        one.drop(columns="seconds"), other.drop(columns="seconds"), rtol=0, atol=1e-12
    )


def test_test_examples_have_no_say(data, tmp_path):
    ids, labels, split = arrays()
    test = split == 2
    ids[test], labels[test] = ids[test][::-1], 1 - labels[test]
    other = write(tmp_path / "other", ids, labels, split)
    fixed = spec(fixed_split=True)
    before, after = tune(fixed, Job(**data)), tune(fixed, Job(**other))
    pd.testing.assert_frame_equal(
        before.trials.drop(columns="seconds"), after.trials.drop(columns="seconds")
    )
    assert before.record.winner == after.record.winner
    assert not [name for name in before.trials if "test" in name]


def test_test_rows_are_not_even_looked_up(data, monkeypatch):
    original = Assembly.split
    nowhere = np.array([10**9])
    expected = tune(spec(), Job(**data)).trials
    monkeypatch.setattr(Assembly, "check_labels", lambda self: None)  # of every part, beforehand
    monkeypatch.setattr(
        Assembly, "split", lambda self, seed: replace(original(self, seed), test=nowhere)
    )
    close(tune(spec(), Job(**data)).trials, expected)
    with pytest.raises(IndexError):
        train(spec(grid=GRIDLESS), Job(**data))


def test_a_searched_method_is_tuned_under_its_routes(data, tmp_path):
    paths = {"routes": tmp_path / "routes.json", "supernet": tmp_path / "supernet.safetensors"}
    found = search(spec("mtnas", GRIDLESS, search={"strategy": "random"}), Job(**data))
    found.write(**paths)
    result = tune(
        spec("mtnas", RATES, derive="retrain", seeds=[1]), Job(**data), routes=paths["routes"]
    )
    assert len(result.trials) == 4
    with pytest.raises(RecordError, match=r"no route for seeds \[7\]"):
        tune(spec("mtnas", RATES, seeds=[7]), Job(**data), routes=paths["routes"])


def test_a_killed_grid_search_goes_on_where_it_was(data, tmp_path, monkeypatch):
    expected = tune(spec(), Job(**data)).trials
    fits, original = [], models.fit

    def killed_at(limit):
        def fit(*args):
            if len(fits) == limit:
                raise KeyboardInterrupt
            fits.append(args)
            return original(*args)

        return fit

    def attempt(**changes):
        return tune(
            spec(**changes), Job(**data, journal=tmp_path / ".unfinished", code="abc", at_once=2)
        )

    monkeypatch.setattr(models, "fit", killed_at(3))
    with pytest.raises(KeyboardInterrupt):
        attempt()
    assert len(list(tmp_path.rglob("*.done.safetensors"))) == 3
    monkeypatch.setattr(models, "fit", killed_at(100))
    result = attempt()
    assert len(fits) == 8  # of 16 pairs, two at once: none twice
    close(result.trials, expected)
    attempt(grid={**GRID, "options.num_experts": [2]})
    assert len(fits) == 8 + 4  # another grid starts anew
    result.write(trials=tmp_path / "trials.csv", best=tmp_path / "best.json")
    assert {path.name for path in tmp_path.iterdir()} == {"trials.csv", "best.json"}


def test_a_trial_that_diverges_loses_alone(data):
    grid = {"training.learning_rate": [1e-3, 1e200, 1e-2]}
    result = tune(spec(grid=grid), Job(**data))
    assert result.record.diverged == (2,)
    assert list(result.trials["status"]) == ["trained"] * 2 + ["diverged"] * 2 + ["trained"] * 2
    without = tune(spec(grid={"training.learning_rate": [1e-3, 1e-2]}), Job(**data))
    assert without.record.winner.mean == pytest.approx(result.record.winner.mean, abs=1e-12)
    with pytest.raises(TrainingError, match=r"all 1 trials diverged.*learning_rate"):
        tune(spec(grid={"training.learning_rate": [1e200]}), Job(**data))


def lines(*losses):
    """Return the lines of trials with these losses for seeds 0, 1, ..."""
    return pd.DataFrame(
        [
            {"trial": number, "seed": seed, "valid_mtl_loss": loss}
            for number, own in enumerate(losses, 1)
            for seed, loss in enumerate(own)
        ]
    )


PLACES = [{"training.learning_rate": rate} for rate in (1e-1, 2e-3, 1e-3)]


@pytest.mark.parametrize(
    ("losses", "winner", "tied"),
    [
        (([1.0, 2.0], [1.1, 1.8], [1.2, 1.9]), 2, [2]),
        (([1.0, 2.0], [1.0, 2.0], [1.2, 1.9]), 2, [1, 2]),  # 2e-3 is nearer to 1e-3 than 0.1
        (([1.0, 2.0], [1.0, 2.0], [2.0, 1.0]), 3, [1, 2, 3]),  # the configured value
        (([1.0, 2.0], [0.1, np.nan], [1.0, 2.1]), 1, [1]),
    ],
)
def test_the_least_mean_loss_wins_and_ties_go_to_the_configured_value(losses, winner, tied):
    best = choose(lines(*losses), PLACES, spec(), INDEPENDENT)
    assert (best["winner"]["trial"], best["tied"]) == (winner, tied)
    assert best["winner"]["values"] == PLACES[winner - 1]
    assert best["runner_up"]["trial"] != winner


def test_the_gap_to_the_runner_up_is_paired_by_seed():
    best = choose(
        lines([1.0, 2.0, 3.0], [1.1, 2.1, 3.2], [5.0, 5.0, 5.0]), PLACES, spec(), INDEPENDENT
    )
    gap = best["runner_up"]["minus_winner"]
    differences = np.array([0.1, 0.1, 0.2])
    half = 4.302652729911275 * differences.std(ddof=1) / np.sqrt(3)
    assert gap["mean"] == pytest.approx(differences.mean())
    assert gap["low"] == pytest.approx(differences.mean() - half)
    assert gap["excludes_zero"] == (half < differences.mean())
    assert best["configured"]["trial"] == 3
    assert choose(lines([1.0]), PLACES[:1], spec(), INDEPENDENT)["runner_up"] is None


def test_the_winner_enters_the_run_and_its_record(data, tmp_path):
    result = tune(spec(), Job(**data))
    result.write(trials=tmp_path / "trials.csv", best=tmp_path / "best.json")
    run_spec = spec(grid=GRIDLESS)
    record = train(run_spec, Job(**data), tuned=tmp_path / "best.json").record.spec
    winner = result.record.winner.values
    assert winner["training.learning_rate"] == 1e-2  # three epochs are too few for the other
    assert record.training.learning_rate == 1e-2
    assert record.options["num_experts"] == winner["options.num_experts"]
    assert record.tuned["training.learning_rate"] == {
        "value": 1e-2,
        "instead_of": 1e-3,
        "from": str(tmp_path / "best.json"),
    }
    with pytest.raises(
        RecordError,
        match=r"best.json: is about insteval/mmoe/paper, this run is insteval/ple/paper",
    ):
        with_winner(spec("ple", GRIDLESS), tmp_path / "best.json")
