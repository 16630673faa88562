"""Algorithm 1: the parts, seeds apart and together, and that it finds what there is to find."""

import numpy as np
import pytest
import torch

from mtnas.options import SearchOptions, TrainingOptions
from mtnas.routes import SearchSpace
from mtnas.search import controls
from mtnas.search.architecture import Architecture
from mtnas.search.gate_bank import GATES, GateBank
from mtnas.search.reinforce import Baseline, Rewards, search
from mtnas.search.supernet import Supernet
from mtnas.testing.stacks import SMALL_WIDTH, small_stack
from mtnas.testing.synthetic import examples, split
from mtnas.training.optim import MemberAdam

SPACE = SearchSpace(num_layers=2, num_subnets=2, num_tasks=2)
TRAINING = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3, learning_rate=0.01)


def searched(seeds, **options):
    data = examples()
    stack = small_stack("mtnas", seeds, data, num_layers=2, num_subnets=2)
    chosen = SearchOptions(**{"steps": 30, "batch_size": 64, **options})
    return search(stack, data, [split()] * len(seeds), SPACE, chosen, TRAINING)


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
    stack = small_stack("mtnas", [0, 1], data, num_layers=2, num_subnets=2)
    bank = GateBank(stack, SPACE)
    adam = MemberAdam(
        stack.dense,
        learning_rate=0.1,
        weight_decay=0.0,
        active={GATES: torch.ones(2, len(SPACE.blocks), dtype=torch.bool)},
    )
    before = bank.gate_MRVH.clone()
    index = torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7]])
    bank.lend(index, stack, adam)
    adam.step({n: torch.ones_like(p) for n, p in stack.params.items()})
    bank.take_back(index, stack, adam)
    changed = (bank.gate_MRVH != before).flatten(2).any(-1)
    assert changed.sum(1).tolist() == [len(SPACE.blocks)] * 2
    lent_again = stack.params[GATES].clone()
    bank.lend(index + 1, stack, adam)
    bank.lend(index, stack, adam)
    assert torch.equal(stack.params[GATES], lent_again)
    assert adam.steps[GATES].eq(1).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fresh_sample": True, "baseline": "running_mean", "reward": "neg_loss"},
        {"warmup_steps": 5, "routes_per_step": 3, "leave_one_out": True, "entropy_bonus": 0.1},
        {"routes_per_step": 2, "shared_batch": False},
    ],
)
def test_one_seed_alone_equals_that_seed_among_many(options):
    together, alone = searched([3, 1, 4], **options), searched([1], **options)
    assert alone.found[0].route == together.found[1].route
    assert alone.found[0].probability == pytest.approx(together.found[1].probability, abs=1e-12)
    for name, tensor in alone.state.items():
        torch.testing.assert_close(tensor[0], together.state[name][1], rtol=0, atol=1e-12)


def test_the_derived_route_is_the_most_probable_one_with_its_own_gates():
    result = searched([0, 1], steps=60)
    for found in result.found:
        sizes = {b: SPACE.num_local_routes(b) for b in SPACE.blocks}
        assert all(found.probability[b] >= 1 / sizes[b] for b in SPACE.blocks)
        assert all(found.entropy[b] <= found.uniform_entropy[b] + 1e-9 for b in SPACE.blocks)
    assert result.state[GATES].shape == (2, len(SPACE.blocks), 2, SMALL_WIDTH)
    assert result.found[0].curve["step"][-1] == 60


def test_one_class_batches_are_counted_per_member():
    data = examples()
    data.labels[:, 1] = 0
    data.labels[0, 1] = 1
    stack = small_stack("mtnas", [0, 1], data, num_layers=2, num_subnets=2)
    options = SearchOptions(steps=5, batch_size=64)
    result = search(stack, data, [split()] * 2, SPACE, options, TRAINING)
    assert [found.notes["undefined_rewards"] for found in result.found] == [5, 5]


def test_an_undefined_auc_neither_rewards_nor_punishes():
    rewards, baseline = Rewards(), Baseline(SearchOptions())
    for _ in range(300):
        advantage = baseline.advantage(rewards.of(np.array([[0.8, 0.7]]))[None])
    assert abs(advantage[0, 0]) < 1e-6
    without = baseline.advantage(rewards.of(np.array([[0.8, np.nan]]))[None])
    assert abs(without[0, 0]) < 1e-6
    assert rewards.undefined_M.tolist() == [1]


def supernet():
    data = examples()
    stack = small_stack("mtnas", [0, 1], data, num_layers=2, num_subnets=2)
    exact = TRAINING.model_copy(update={"exact_decay": True})
    return Supernet(stack, data, SPACE, exact), Architecture(SPACE, 2, learning_rate=0.01)


def test_the_supernet_becomes_every_route_that_it_takes():
    net, architecture = supernet()
    batch = torch.arange(64).expand(2, -1)
    seen = []
    for index in ([[0, 1, 2, 3], [4, 5, 6, 7]], [[3, 2, 1, 0], [7, 6, 5, 4]]):
        index_MK = np.array(index)
        net.take(index_MK, architecture)
        values, query = architecture.buffers(index_MK)
        assert (net.stack.buffers["sharing.values_KW"].numpy() == values).all()
        assert (net.stack.buffers["sharing.query_KC"].numpy() == query).all()
        seen.append(net.scores(batch, "neg_loss"))
    assert (seen[0] != seen[1]).any(1).all()


def test_rewards_come_from_tables_that_are_up_to_date():
    net, architecture = supernet()
    net.take(np.zeros((2, len(SPACE.blocks)), np.int64), architecture)
    for step in range(20):
        net.weight_step(torch.arange(step, step + 8).expand(2, -1))
    batch = torch.arange(400, 500).expand(2, -1)  # many of their table rows no step has read
    before = net.scores(batch, "neg_loss")
    net.trainer.table.settle()
    np.testing.assert_allclose(net.scores(batch, "neg_loss"), before, rtol=0, atol=1e-12)


MEAN = SearchSpace(num_layers=2, num_subnets=2, num_tasks=2, pooling="mean")


def searched_by_mean(seeds):
    data = examples()
    stack = small_stack("mtnas", seeds, data, num_layers=2, num_subnets=2, pooling="mean")
    options = SearchOptions(steps=30, batch_size=64)
    return search(stack, data, [split()] * len(seeds), MEAN, options, TRAINING)


def test_routes_of_a_space_without_gates_are_searched_alike():
    together, alone = searched_by_mean([3, 1]), searched_by_mean([1])
    assert alone.found[0].route == together.found[1].route
    for name, tensor in alone.state.items():
        torch.testing.assert_close(tensor[0], together.state[name][1], rtol=0, atol=1e-12)
    assert GATES not in together.state
    found = together.found[0]
    assert all(block["query"] is None for block in found.to_json()["blocks"].values())
    assert found.uniform_entropy == pytest.approx(dict.fromkeys(MEAN.blocks, np.log(3)))


def test_what_a_mean_leaves_out_stays_as_it_is():
    data = examples()
    stack = small_stack("mtnas", [0], data, num_layers=2, num_subnets=2, pooling="mean")
    net, architecture = (
        Supernet(stack, data, MEAN, TRAINING),
        Architecture(MEAN, 1, learning_rate=0.01),
    )
    before = {name: tensor.clone() for name, tensor in stack.params.items()}
    net.take(np.zeros((1, len(MEAN.blocks)), np.int64), architecture)  # the first value alone
    net.weight_step(torch.arange(64).unsqueeze(0))
    for layer in range(2):
        name = f"sharing.layers.{layer}.weight"
        changed = (stack.params[name] != before[name])[0].flatten(1).any(1)
        assert changed.tolist() == [True, False]


def test_controls_give_random_and_full_routes():
    random = controls.random_routes(SPACE, range(5))
    assert len({found.route for found in random.found}) > 1
    assert random.found == controls.random_routes(SPACE, range(5)).found
    full = controls.full_routes(SPACE, range(2))
    assert all(len(found.route.edges) == 8 for found in full.found)
