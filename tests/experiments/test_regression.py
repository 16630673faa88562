"""Dense inputs and squared loss: from simulated data to a record."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error

from mtnas import methods
from mtnas.data.prepare.table import prepare
from mtnas.evidence.exhaustive_table import read_ground_truth
from mtnas.experiments.assembly import assemble
from mtnas.experiments.every_route import train_every_route
from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.experiments.train import train
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.report.exhibits.exhaustive import EXHIBIT, Space, routes_in_order
from mtnas.report.exhibits.regret import regret_table
from mtnas.report.judged import Truth, read_judged
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import read_json
from mtnas.study.specs import ExhaustiveSpec
from mtnas.training.fit import mean_gate_scores, predict
from mtnas.training.trainer import Trainer
from tests.helpers.specs import spec_of

SEEDS = [0, 1, 2]
TRAINING = {"epochs": 2, "patience": 2, "batch_size": 50, "dtype": "float64"}
MTNAS = {"num_layers": 1, "num_subnets": 3, "hidden_dim": 24}
OPTIONS = {"mtnas": MTNAS, "mmoe": {"root_dim": 24, "num_experts": 3}}
SEARCH = {"steps": 10, "batch_size": 30, "reward": "neg_loss"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    paths = {"table": folder / "t.parquet", "manifest": folder / "m.json"}
    synthetic = {"dim": 7, "num_sines": 2, "rows": 300}
    prepare({"dataset": "s", "synthetic": synthetic, "seeds": SEEDS}, **paths)
    return paths


def spec(method, **changes):
    values = {
        "dataset": "s",
        "method": method,
        "variant": "paper",
        "seeds": SEEDS,
        "fixed_split": False,
        "training": TRAINING,
        "options": OPTIONS.get(method, {}),
        "budget": None if method == "mtnas" else MTNAS,
        **changes,
    }
    return spec_of(**values)


@pytest.mark.parametrize("method", ["single_task", "share_bottom"])
def test_metrics_equal_scikit_learn_on_the_saved_predictions(method, data):
    result = train(spec(method), Job(**data))
    test = result.metrics[result.metrics.split == "test"].set_index(["seed", "task", "metric"])
    assert set(result.metrics.metric) == {"mse", "mtl_loss"}
    for seed, rows in result.predictions.groupby("seed"):
        losses = [mean_squared_error(rows[f"y_t{t}"], rows[f"p_t{t}"]) for t in range(2)]
        for t, loss in enumerate(losses):
            assert test.loc[(seed, f"t{t}", "mse"), "value"] == pytest.approx(loss)
        assert test.loc[(seed, "all", "mtl_loss"), "value"] == pytest.approx(sum(losses))
    assert result.record.simulated is True
    assert result.record.synthetic.dim == 7


@pytest.mark.parametrize("method", ["mmoe", "single_task", "snr_trans"])
def test_groups_of_seeds_give_the_same_numbers(method, data):
    together = train(spec(method), Job(**data, at_once=3))
    apart = train(spec(method), Job(**data, at_once=1))
    np.testing.assert_allclose(together.metrics.value, apart.metrics.value, rtol=0, atol=1e-12)
    assert together.record.gates.keys() == apart.record.gates.keys()
    for seed, scores in together.record.gates.items():
        np.testing.assert_allclose(scores, apart.record.gates[seed], rtol=0, atol=1e-12)


def mmoe_of(assembly):
    method = methods.load("mmoe")
    return Model(method, assembly.options, encoder=Encoder.of_numbers(7), num_tasks=2).double()


def test_steps_equal_those_of_plain_torch(data):
    assembly = assemble(spec("mmoe"), **data)
    ensemble, rows = assembly.ensemble(assembly.members([1], {})), assembly.split(1).train
    model = mmoe_of(assembly)
    model.load_state_dict({name: p[0].clone() for name, p in ensemble.params.items()})
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=5e-4)
    trainer = Trainer(ensemble, assembly.examples, assembly.training)
    for batch in torch.from_numpy(rows[:150]).split(50):
        x, y = assembly.examples.inputs.numbers[batch], assembly.examples.labels[batch]
        loss = torch.nn.functional.mse_loss(model(x.double()), y.double(), reduction="none")
        adam.zero_grad()
        loss.mean(0).sum().backward()
        adam.step()
        ours = trainer.step(batch.unsqueeze(0))
        assert ours.item() == pytest.approx(loss.mean(0).sum().item(), abs=1e-12)
    outputs = predict(ensemble, assembly.examples, [rows])[0]
    expected = model(assembly.examples.inputs.numbers[rows].double())
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-10)


def test_mean_gate_scores_are_those_of_the_model_on_test(data):
    assembly = assemble(spec("mmoe"), **data)
    ensemble, rows = assembly.ensemble(assembly.members([0], {})), assembly.split(0).test
    model = mmoe_of(assembly)
    model.load_state_dict({name: p[0].clone() for name, p in ensemble.params.items()})
    scores_TBE = model.sharing.gate_scores(assembly.examples.inputs.numbers[rows].double())
    found = mean_gate_scores(ensemble, (ensemble.state(),), assembly.examples, [rows])
    torch.testing.assert_close(found[0], scores_TBE.mean(1), rtol=0, atol=1e-12)
    assert found.shape == (1, 2, 3)


def test_gates_are_recorded_by_seed_where_a_method_has_them(data):
    gates = train(spec("mmoe"), Job(**data)).record.gates
    assert list(gates) == [0, 1, 2]
    np.testing.assert_allclose(np.sum(list(gates.values()), axis=-1), 1)
    assert train(spec("share_bottom"), Job(**data)).record.gates == {}


def test_a_route_is_searched_by_loss_inherited_and_trained(data, tmp_path):
    paths = {"routes": tmp_path / "routes.json", "supernet": tmp_path / "supernet.safetensors"}
    found = search(spec("mtnas", search=SEARCH), Job(**data))
    found.write(**paths)
    curve = found.record.seeds[0].curve
    assert max(curve["reward"]) < 0
    inherit = train(spec("mtnas", derive="inherit"), Job(**data), **paths)
    retrain = train(spec("mtnas", derive="retrain"), Job(**data), routes=paths["routes"])
    assert not inherit.metrics.equals(retrain.metrics)
    alone = search(spec("mtnas", seeds=[1], search=SEARCH), Job(**data))
    one, many = (record.seeds[1] for record in (alone.record, found.record))
    assert one.describe == many.describe
    np.testing.assert_allclose(one.curve["reward"], many.curve["reward"], rtol=0, atol=1e-12)


STRATEGIES = ("reinforce", "differentiable", "random_search", "exhaustive", "random")


@pytest.fixture(scope="module")
def known(data, tmp_path_factory):
    """Every route of a space of nine trained, and what each strategy picks in it."""
    folder, routes = tmp_path_factory.mktemp("known"), []
    narrow = {"options": {**MTNAS, "num_subnets": 2, "query_scope": "root"}}
    paths = {"supernet": folder / "s.safetensors"}
    for strategy in STRATEGIES:
        options = {**SEARCH, "strategy": strategy}
        variant = f"tiny_{strategy}"
        found = search(spec("mtnas", **narrow, variant=variant, search=options), Job(**data))
        found.write(routes=folder / f"{strategy}.json", **paths)
        names = {"dataset": "s", "variant": f"tiny_{strategy}"}
        routes.append({**names, "path": str(folder / f"{strategy}.json")})
    drawn = {"dim": 7, "num_sines": 2, "rho": 0, "scale": 1}
    exhaustive = ExhaustiveSpec(
        dataset="s", method="mtnas", seeds=SEEDS, training=TRAINING, **narrow, space="tiny",
        synthetic=drawn,
    )  # fmt: skip
    train_every_route(exhaustive, Job(**data)).write(folder / "tiny.parquet")
    return narrow, folder / "tiny.parquet", routes


def test_every_route_is_scored_by_squared_errors_as_if_trained_alone(known, data):
    narrow, table, routes = known
    frame = read_ground_truth(table).frame
    assert len(frame) == 9 * len(SEEDS)
    assert not [column for column in frame if "auc" in column]
    alone = train(spec("mtnas", **narrow, derive="retrain"), Job(**data), routes=routes[0]["path"])
    scores = alone.metrics.set_index(["seed", "split", "task", "metric"])["value"]
    picks = read_json(routes[0]["path"])["seeds"]
    for seed in SEEDS:
        mine = frame[(frame["seed"] == seed) & (frame["describe"] == picks[str(seed)]["describe"])]
        for part in ("valid", "test"):
            for column, key in (("loss", ("all", "mtl_loss")), ("loss_t1", ("t1", "mse"))):
                expected = scores[(seed, part, *key)]
                assert mine[f"{part}_{column}"].item() == pytest.approx(expected, abs=1e-12)


def test_searches_of_numbers_are_judged(known):
    _, table, routes = known
    (block,) = regret_table([table], routes).blocks
    assert block.title == "d = 7, m = 2, ρ = 0 (SIMULATED DATA)"
    valid = [row.cells[1].value for row in block.rows]
    assert valid[0] == 0  # the oracle's
    assert all(value >= 0 for value in valid)
    truth = Truth.read(table)
    assert routes_in_order(EXHIBIT.data(Space([truth], read_judged([truth], routes)))).axes


def test_controls_that_predict_probabilities_are_refused(data):
    with pytest.raises(ConfigError, match="control_perfect' predicts probabilities"):
        train(spec("control_perfect", training=None), Job(**data))
