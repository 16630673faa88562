"""Algorithm 1: the parts, seeds apart and together, and that it finds what there is to find."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.runtime.errors import ConfigError
from mtnas.search import controls
from mtnas.search.architecture import Architecture
from mtnas.search.differentiable import slopes
from mtnas.search.gate_bank import GateBank
from mtnas.search.rewards import Baseline, Rewards
from mtnas.search.strategies import STRATEGIES, searcher
from mtnas.search.supernet import Supernet
from mtnas.training.fit import fit
from mtnas.training.optim import MemberAdam
from tests.helpers.ensembles import SMALL_WIDTH, small_ensemble
from tests.helpers.synthetic import examples, split

SPACE = SearchSpace(num_layers=2, num_subnets=2, num_tasks=2)
TRAINING = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3, learning_rate=0.01)


GATES = "sharing.gate_KWH"
SMALL = SearchSpace(num_layers=1, num_subnets=2, num_tasks=2, query_scope="root")


def ensemble_of(seeds, data, space, routes=None):
    names = ("num_layers", "num_subnets", "query_scope", "pooling")
    network = {name: getattr(space, name) for name in names}
    return small_ensemble("mtnas", seeds, data, routes=routes, **network)


def searching(seeds, data=None, space=SPACE, ensemble=None, training=TRAINING, **options):
    data = examples() if data is None else data
    ensemble = ensemble_of(seeds, data, space) if ensemble is None else ensemble
    chosen = SearchOptions(**{"steps": 30, "batch_size": 64, **options})
    find = searcher(chosen)
    return find(ensemble, data, [split()] * len(seeds), chosen, training)


def searched(seeds, *args, **options):
    return searching(seeds, *args, **options).run()


def test_sampling_follows_the_probabilities():
    architecture = Architecture(SPACE, 1, learning_rate=0.01)
    architecture.alpha_MKR[:] = np.random.default_rng(0).normal(size=architecture.alpha_MKR.shape)
    rng = np.random.default_rng(1)
    draws = np.stack([architecture.sample([rng])[0] for _ in range(20_000)])
    p = architecture.probabilities()[0]
    for k, size in enumerate(architecture.sizes_K):
        shares = np.bincount(draws[:, k], minlength=size) / len(draws)
        assert np.abs(shares[:size] - p[k, :size]).max() < 0.015
        assert p[k, size:].sum() == 0


def test_gradients_of_log_probability_and_entropy_equal_autograd():
    architecture = Architecture(SPACE, 2, learning_rate=0.01)
    rng = np.random.default_rng(0)
    architecture.alpha_MKR[:] = rng.normal(size=architecture.alpha_MKR.shape)
    index = architecture.sample([rng, rng])
    alpha = torch.from_numpy(architecture.alpha_MKR.copy()).requires_grad_()
    exists = torch.from_numpy(np.arange(alpha.shape[-1]) < architecture.sizes_K[:, None])
    log_p = alpha.masked_fill(~exists, -torch.inf).log_softmax(-1)
    chosen = log_p.gather(-1, torch.from_numpy(index).unsqueeze(-1)).sum()
    (expected,) = torch.autograd.grad(chosen, alpha, retain_graph=True)
    np.testing.assert_allclose(architecture.score(index), expected.numpy(), atol=1e-12)
    entropy = -(log_p.exp() * log_p.masked_fill(~exists, 0)).sum()
    (expected,) = torch.autograd.grad(entropy, alpha)
    np.testing.assert_allclose(architecture.entropy_gradient(), expected.numpy(), atol=1e-12)


def test_an_entropy_bonus_keeps_the_choice_open():
    """The bonus alone, from preferences on: up with it, down with its opposite."""
    search = searching([0], entropy_bonus=1.0, learning_rate=0.1)
    architecture = search._architecture
    architecture.alpha_MKR[:] = np.random.default_rng(0).normal(size=architecture.alpha_MKR.shape)
    before = architecture.entropy().mean()
    for _ in range(20):
        search._ascend(np.zeros((1, *architecture.alpha_MKR.shape)))
    assert architecture.entropy().mean() > before + 0.01


def test_the_search_climbs_to_the_rewarded_route():
    """With a reward that depends on the route alone, Eq. (5) must find the best one."""
    architecture = Architecture(SPACE, 2, learning_rate=0.05)
    baseline = Baseline(SearchOptions())
    rngs = [np.random.default_rng(seed) for seed in range(2)]
    target = np.array([3, 5, 7, 11])
    for _ in range(3000):
        index = architecture.sample(rngs)
        advantage = baseline.advantage((index == target).sum(-1)[None].astype(float))
        architecture.ascend(advantage[0][:, None, None] * architecture.score(index))
    assert (architecture.best() == target).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"baseline": "running_mean"}, [0.0, 2.0, 3.0]),  # b = 1, 1, (1 + 3) / 2
        ({"baseline": "exponential", "baseline_momentum": 0.5}, [0.0, 2.0, 3.0]),
        ({"baseline": "exponential", "baseline_momentum": 0.9}, [0.0, 2.0, 3.8]),
    ],
)
def test_baseline_is_the_moving_average_of_earlier_rewards(options, expected):
    baseline = Baseline(SearchOptions(**options))
    got = [baseline.advantage(np.array([[r]]))[0, 0] for r in (1.0, 3.0, 5.0)]
    np.testing.assert_allclose(got, expected)


def test_leave_one_out_compares_routes_of_one_step():
    baseline = Baseline(SearchOptions(leave_one_out=True, routes_per_step=3))
    got = baseline.advantage(np.array([[1.0], [2.0], [6.0]]))[:, 0]
    np.testing.assert_allclose(got, [1 - 4.0, 2 - 3.5, 6 - 1.5])
    with pytest.raises(ValueError, match="routes_per_step"):
        SearchOptions(leave_one_out=True)


def test_the_bank_returns_what_was_lent():
    data = examples()
    ensemble = small_ensemble("mtnas", [0, 1], data, num_layers=2, num_subnets=2)
    bank = GateBank(ensemble)
    adam = MemberAdam(
        ensemble.flat_params,
        learning_rate=0.1,
        weight_decay=0.0,
        active={GATES: torch.ones(2, len(SPACE.blocks), dtype=torch.bool)},
    )
    before = bank.gate_MRVH.clone()
    index = torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7]])
    bank.lend(index, ensemble, adam)
    adam.step({n: torch.ones_like(p) for n, p in ensemble.params.items()})
    bank.take_back(index, ensemble, adam)
    changed = (bank.gate_MRVH != before).flatten(2).any(-1)
    assert changed.sum(1).tolist() == [len(SPACE.blocks)] * 2
    lent_again = ensemble.params[GATES].clone()
    bank.lend(index + 1, ensemble, adam)
    bank.lend(index, ensemble, adam)
    assert torch.equal(ensemble.params[GATES], lent_again)
    assert adam.steps[GATES].eq(1).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fresh_sample": True, "baseline": "running_mean", "reward": "neg_loss"},
        {"warmup_steps": 5, "routes_per_step": 3, "leave_one_out": True, "entropy_bonus": 0.1},
        {"routes_per_step": 2, "shared_batch": False},
        {"strategy": "differentiable"},
        {"strategy": "differentiable", "fresh_sample": True, "routes_per_step": 2, "steps": 9},
        {"strategy": "random_search", "candidates": 7},
        {"strategy": "random_search", "candidates": 3, "judge": "training"},
    ],
)
def test_one_seed_alone_equals_that_seed_among_many(options):
    together, alone = searched([3, 1, 4], **options), searched([1], **options)
    assert alone.routes[0].route == together.routes[1].route
    assert alone.routes[0].probability == pytest.approx(together.routes[1].probability, abs=1e-12)
    assert alone.routes[0].scores == pytest.approx(together.routes[1].scores, abs=1e-12)
    for name, tensor in alone.state.items():
        torch.testing.assert_close(tensor[0], together.state[name][1], rtol=0, atol=1e-12)


def test_the_derived_route_is_the_most_probable_one_with_its_own_gates():
    search = searching([0, 1], steps=60)
    result = search.run()
    p_MKR, gate_MRVH = search._architecture.probabilities(), search._supernet.bank.gate_MRVH
    first = np.cumsum([0, *(SPACE.num_local_routes(block) for block in SPACE.blocks)])
    for m, found in enumerate(result.routes):
        for k, (block, local) in enumerate(found.route):
            index = SPACE.index_of(block, local)
            p_R = p_MKR[m, k]
            assert p_R[index] == p_R.max() == pytest.approx(found.probability[block])
            assert torch.equal(result.state[GATES][m, k], gate_MRVH[m, first[k] + index])
    assert len({found.route for found in result.routes}) == 2
    for found in result.routes:
        sizes = {b: SPACE.num_local_routes(b) for b in SPACE.blocks}
        assert all(found.probability[b] >= 1 / sizes[b] for b in SPACE.blocks)
        assert all(found.entropy[b] <= found.uniform_entropy[b] + 1e-9 for b in SPACE.blocks)
    assert result.state[GATES].shape == (2, len(SPACE.blocks), 2, SMALL_WIDTH)
    assert result.routes[0].curve["step"][-1] == 60
    for found in result.routes:  # the last point of the curve is the end
        assert found.curve["route"][-1] == found.route.index
        assert len(set(found.curve["route"])) > 1


def test_one_class_batches_are_counted_per_member():
    data = examples()
    data.labels[:, 1] = 0
    data.labels[0, 1] = 1
    result = searched([0, 1], data, steps=5)
    assert [found.notes["undefined_rewards"] for found in result.routes] == [5, 5]


def test_an_undefined_auc_neither_rewards_nor_punishes():
    rewards, baseline = Rewards(), Baseline(SearchOptions())
    for _ in range(300):
        advantage = baseline.advantage(rewards.of(np.array([[0.8, 0.7]]))[None])
    assert abs(advantage[0, 0]) < 1e-6
    without = baseline.advantage(rewards.of(np.array([[0.8, np.nan]]))[None])
    assert abs(without[0, 0]) < 1e-6
    assert rewards.undefined_M.tolist() == [1]


def supernet(space=SPACE, kind="binary"):
    data = examples()
    tasks = tuple(task.model_copy(update={"kind": kind}) for task in data.tasks)
    data = replace(data, tasks=tasks)
    net = Supernet(ensemble_of([0, 1], data, space), data, TRAINING)
    return net, Architecture(space, 2, learning_rate=0.01)


def test_the_supernet_becomes_every_route_that_it_takes():
    net, architecture = supernet()
    batch = torch.arange(64).expand(2, -1)
    seen = []
    for index in ([[0, 1, 2, 3], [4, 5, 6, 7]], [[3, 2, 1, 0], [7, 6, 5, 4]]):
        index_MK = np.array(index)
        net.take(index_MK)
        for m, route in enumerate(architecture.routes(index_MK)):
            for name, array in net.ensemble.template.sharing.route_buffers(route).items():
                assert (net.ensemble.buffers[f"sharing.{name}"][m].numpy() == array).all()
        seen.append(net.scores(batch, "neg_loss"))
    assert (seen[0] != seen[1]).any(1).all()


MEAN = SearchSpace(num_layers=2, num_subnets=2, num_tasks=2, pooling="mean")


@pytest.mark.parametrize(("space", "kind"), [(SPACE, "binary"), (MEAN, "binary"), (SPACE, "drawn")])
def test_slopes_equal_finite_differences(monkeypatch, space, kind):
    net, architecture = supernet(space, kind)
    batch, index_MK = torch.arange(64).expand(2, -1), np.array([[0, 1, 2, 2], [2, 2, 1, 1]])
    net.take(index_MK)
    slope_MKR, loss_M = slopes(net, architecture, index_MK, batch)
    np.testing.assert_allclose(-loss_M, net.scores(batch, "neg_loss").sum(-1), atol=1e-12)
    assert (slope_MKR[:, ~architecture.exists_KR] == 0).all()
    one_hot, eps = torch.nn.functional.one_hot, 1e-6

    def loss_at(block, route, change):
        """Return the loss where one weight z of one block is changed."""
        blocks = iter(range(len(SPACE.blocks)))

        def changed(chosen, size):
            z = one_hot(chosen, size).double()
            if next(blocks) == block:
                z[:, route] += change
            return z

        monkeypatch.setattr(torch.nn.functional, "one_hot", changed)
        return slopes(net, architecture, index_MK, batch)[1]

    for block, route in ((0, 1), (1, 0), (2, 2), (3, -1)):
        last = architecture.sizes_K[block] - 1 if route < 0 else route
        numeric_M = (loss_at(block, route, eps) - loss_at(block, route, -eps)) / (2 * eps)
        np.testing.assert_allclose(slope_MKR[:, block, last], numeric_M, atol=1e-7)
        assert np.abs(numeric_M).max() > 1e-5


def test_rewards_come_from_tables_that_are_up_to_date():
    net, architecture = supernet()
    net.take(np.zeros((2, len(SPACE.blocks)), np.int64))
    for step in range(20):
        net.weight_step(torch.arange(step, step + 8).expand(2, -1))
    batch = torch.arange(400, 500).expand(2, -1)  # many of their table rows no step has read
    before = net.scores(batch, "neg_loss")
    net.trainer.table_optimizer.settle()
    again = batch.clone()  # what was looked up for `batch` is kept
    np.testing.assert_allclose(net.scores(again, "neg_loss"), before, rtol=0, atol=1e-12)


def test_a_batch_that_was_scored_before_a_weight_step_is_looked_up_anew():
    net, architecture = supernet()
    batch = torch.arange(64).expand(2, -1)
    net.take(np.zeros((2, len(SPACE.blocks)), np.int64))
    net.scores(batch, "neg_loss")
    net.weight_step(batch)

    kept = net.scores(batch, "neg_loss")

    np.testing.assert_array_equal(kept, net.scores(batch.clone(), "neg_loss"))


@pytest.mark.parametrize("strategy", ["reinforce", "random_search", "differentiable"])
def test_routes_of_a_space_without_gates_are_searched_alike(strategy):
    together, alone = (searched(seeds, space=MEAN, strategy=strategy) for seeds in ([3, 1], [1]))
    assert alone.routes[0].route == together.routes[1].route
    for name, tensor in alone.state.items():
        torch.testing.assert_close(tensor[0], together.state[name][1], rtol=0, atol=1e-12)
    assert GATES not in together.state
    found = together.routes[0]
    assert all(block["query"] is None for block in found.to_json()["blocks"].values())
    assert found.uniform_entropy == pytest.approx(dict.fromkeys(MEAN.blocks, np.log(3)))


def test_what_a_mean_leaves_out_stays_as_it_is():
    data = examples()
    ensemble = small_ensemble("mtnas", [0], data, num_layers=2, num_subnets=2, pooling="mean")
    net = Supernet(ensemble, data, TRAINING)
    before = {name: tensor.clone() for name, tensor in ensemble.params.items()}
    net.take(np.zeros((1, len(MEAN.blocks)), np.int64))  # the first value alone
    net.weight_step(torch.arange(64).unsqueeze(0))
    for layer in range(2):
        name = f"sharing.layers.{layer}.weight"
        changed = (ensemble.params[name] != before[name])[0].flatten(1).any(1)
        assert changed.tolist() == [True, False]


def test_controls_give_random_and_full_routes():
    random = controls.random_routes(SPACE, range(5))
    assert len({found.route for found in random.routes}) > 1
    assert random.routes == controls.random_routes(SPACE, range(5)).routes
    full = controls.full_routes(SPACE, range(2))
    assert all(len(found.route.edges) == 8 for found in full.routes)
    apart = controls.separate_routes(SPACE, range(2))
    assert {found.route.describe() for found in apart.routes} == {"s3: s1; s4: s2; t0: s3; t1: s4"}


@pytest.mark.parametrize(
    ("options", "evaluations"),
    [
        ({"strategy": "reinforce"}, 36),
        ({"strategy": "differentiable"}, 36),
        ({"strategy": "random_search", "candidates": 10}, 10),  # one batch of 64 is all there is
        ({"strategy": "random_search", "candidates": 50}, 36),
        ({"strategy": "random_search", "candidates": 4, "batch_size": 10}, 36),
        ({"strategy": "exhaustive", "batch_size": 20}, 36),
        ({"strategy": "random_search", "candidates": 5, "judge": "training"}, 5),
        ({"strategy": "exhaustive", "judge": "training", "batch_size": 10}, 36),
    ],
)
def test_all_strategies_spend_the_same(options, evaluations):
    budget = {"steps": 12, "warmup_steps": 3, "routes_per_step": 3}
    (found,) = searched([0], space=SMALL, **budget, **options).routes
    candidates = len(found.scores) if options.get("judge") == "training" else 1
    assert found.notes["weight_steps"] == 15 // candidates * candidates
    assert found.notes["route_evaluations"] == evaluations


def test_short_training_is_the_beginning_of_retraining():
    data, one_epoch = examples(), 400 // 64
    options = {"strategy": "random_search", "judge": "training", "candidates": 3}
    result = searched([0, 1], data, SMALL, steps=3 * one_epoch, **options)
    routes = [found.route for found in result.routes]
    ensemble = ensemble_of([0, 1], data, SMALL, routes)
    once = TRAINING.model_copy(update={"epochs": 1})
    fit(ensemble, data, [split()] * 2, once)
    for name, tensor in ensemble.state().items():
        torch.testing.assert_close(result.state[name], tensor, rtol=0, atol=1e-12)
    for found in result.routes:
        assert found.scores[str(found.route.index)] == max(found.scores.values())


def test_exhaustive_search_tries_every_function_of_the_space_once():
    wide = SearchSpace(num_layers=1, num_subnets=2, num_tasks=2)
    (found,) = searched([0], space=wide, strategy="exhaustive", steps=90).routes
    tried = {Route.at(wide, int(index)).canonical() for index in found.scores}
    assert len(found.scores) == len(tried) == (2 + 3) ** 2  # one value, or two and three queries
    best = max(found.scores, key=found.scores.get)
    assert Route.at(wide, int(best)) == found.route
    assert found.to_json()["blocks"]["t0"]["probability"] is None


def test_exhaustive_search_refuses_what_it_cannot_afford():
    with pytest.raises(ConfigError, match="9 routes, but 8 route evaluations"):
        searched([0], space=SMALL, strategy="exhaustive", steps=8)
    enough = {"routes_per_step": 2, "judge": "training"}
    with pytest.raises(ConfigError, match="9 candidates, but 8 weight steps"):
        searched([0], space=SMALL, strategy="exhaustive", steps=8, **enough)


def test_a_learned_distribution_is_recorded_of_a_small_space():
    (found,) = searched([0], space=SMALL).routes
    for block, p in found.distribution.items():
        assert sum(p) == pytest.approx(1)
        assert max(p) == found.probability[block]
        assert SMALL.local_route(block, int(np.argmax(p))) == found.route[block]


@pytest.fixture(scope="module")
def planted():
    """Networks trained so that s2 serves the first task and s1 the second, and nothing else."""
    data = examples()
    route = Route(SMALL, (LocalRoute(("s2",), "root"), LocalRoute(("s1",), "root")))
    ensemble = ensemble_of([0, 1], data, SMALL, [route, route])
    fit(ensemble, data, [split()] * 2, TRAINING)
    return data, ensemble.state(), route


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_finds_a_planted_route(planted, strategy):
    data, state, route = planted
    ensemble = ensemble_of([0, 1], data, SMALL)
    ensemble.load(state)
    still = TRAINING.model_copy(update={"learning_rate": 1e-12})
    options = {"strategy": strategy, "reward": "neg_loss", "learning_rate": 0.2, "candidates": 30}
    result = searched([0, 1], data, SMALL, ensemble, still, steps=80, **options)
    assert [found.route for found in result.routes] == [route, route]
