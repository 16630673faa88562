"""What further sharing methods become at the ends of their options; hard-concrete gates."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtnas import methods
from mtnas.config.options import GateOptions
from mtnas.methods.parts.hard_concrete import HardConcrete
from mtnas.runtime.errors import ConfigError

DIMS = {"input_dim": 6, "num_tasks": 3}
OPEN = torch.tensor(100.0)  # log alpha of a gate that is open for certain


def build(name, *, num_tasks=3, **options):
    method = methods.load(name)
    dims = {**DIMS, "num_tasks": num_tasks}
    return method.sharing(method.options(hidden_dim=8, **options), **dims).double()


def assert_same_function(one, other, *noise):
    x = torch.randn(9, 6, dtype=torch.float64)
    torch.testing.assert_close(one(x, *noise), other(x), rtol=0, atol=1e-12)


def test_cross_stitch_with_identity_stitches_is_one_network_per_task():
    stitched = build("cross_stitch", own_share=1.0)
    alone = [build("single_task", num_tasks=1) for _ in range(3)]
    for task, single in enumerate(alone):
        for column, layer in zip(stitched.columns, (single.root, single.bottom), strict=True):
            layer.weight.data.copy_(column.weight[task].T)
            layer.bias.data.copy_(column.bias[task, 0])

    assert_same_function(stitched, lambda x: torch.cat([single(x) for single in alone], 1))


def test_a_stitch_starts_as_shares_that_sum_to_one():
    stitch = build("cross_stitch", own_share=0.7).stitch_LTT
    torch.testing.assert_close(
        stitch.diagonal(dim1=1, dim2=2), torch.full_like(stitch[..., 0], 0.7)
    )
    torch.testing.assert_close(stitch.sum(-1), torch.ones_like(stitch[..., 0]))
    assert build("cross_stitch", num_tasks=1).stitch_LTT.unique().tolist() == [1.0]


def test_cut_mmoe_with_every_link_kept_is_mmoe():
    cut, mmoe = build("cut_mmoe"), build("mmoe")
    cut.kept_TE.fill_(True)
    mmoe.load_state_dict({k: v for k, v in cut.state_dict().items() if k != "kept_TE"})
    assert_same_function(cut, mmoe)


@given(st.integers(3, 12), st.integers(2, 6))
def test_the_default_cut_leaves_every_task_own_and_shared_experts(num_experts, num_tasks):
    options = methods.load("cut_mmoe").options(num_experts=num_experts)
    kept = [set(row) for row in options.kept_by(num_tasks)]
    assert set().union(*kept) == set(range(num_experts))
    assert set.intersection(*kept)
    for task, mine in enumerate(kept):
        others = kept[:task] + kept[task + 1 :]
        assert mine != set(range(num_experts))
        if num_experts > num_tasks:
            assert mine - set().union(*others)


def test_too_few_experts_to_cut_links_are_refused():
    with pytest.raises(ConfigError, match="^num_experts: 2 leaves no task both .* take 3 or more"):
        methods.load("cut_mmoe").options(num_experts=2).kept_by(2)


def test_one_level_of_ple_without_task_experts_is_mmoe():
    ple = build("ple", num_levels=1, num_task_experts=0, num_shared_experts=4)
    mmoe = build("mmoe")
    mmoe.root.load_state_dict(ple.root.state_dict())
    mmoe.experts.load_state_dict(ple.levels[0].experts.state_dict())
    mmoe.gate_TER.data.copy_(ple.levels[0].gate_TVI)
    assert_same_function(ple, mmoe)


def test_experts_of_one_task_reach_no_other_in_the_last_level_of_ple():
    ple = build("ple", num_levels=1, num_task_experts=2)
    x = torch.randn(9, 6, dtype=torch.float64)
    before = ple(x)
    ple.levels[0].experts.bias.data[2:4] += 1  # of task 1
    changed = (ple(x) != before).any(-1).any(0)
    assert changed.tolist() == [False, True, False]


def test_every_task_reads_the_experts_of_others_through_the_shared_ones_of_ple():
    ple = build("ple", num_levels=2, num_task_experts=1)
    x = torch.randn(9, 6, dtype=torch.float64)
    before = ple(x)
    ple.levels[0].experts.bias.data[1] += 1  # of task 1
    assert (ple(x) != before).any(-1).any(0).all()


def opened(name, **options):
    snr = build(name, **options)
    snr.gates.log_alpha_KV.data.fill_(OPEN)
    return snr


def plain(snr):
    """Build MTNAS with mean pooling and full sharing, with the weights of an SNR network."""
    method = methods.load("mtnas")
    options = method.options(num_layers=2, num_subnets=4, hidden_dim=8, pooling="mean")
    network = method.sharing(options, **DIMS).double()
    network.root.load_state_dict(snr.root.state_dict())
    network.layers.load_state_dict(snr.layers.state_dict())
    return network


@pytest.mark.parametrize("noise", [(), (torch.rand(7, 4, dtype=torch.float64),)])
def test_snr_aver_with_open_gates_is_full_sharing_with_mean_pooling(noise):
    snr = opened("snr_aver")
    assert_same_function(snr, plain(snr), *noise)


@pytest.mark.parametrize("noise", [(), (torch.rand(7, 4, dtype=torch.float64),)])
def test_snr_trans_with_open_gates_and_equal_shares_is_that_too(noise):
    snr = opened("snr_trans")
    for transform in snr.transforms:
        transform.data.copy_(torch.eye(8) / 4)
    assert_same_function(snr, plain(snr), *noise)


@pytest.mark.parametrize("name", ["snr_aver", "snr_trans"])
def test_a_closed_connection_carries_nothing(name):
    snr = opened(name)
    snr.gates.log_alpha_KV.data[:, 1] = -OPEN  # nobody reads the second of each four
    x = torch.randn(9, 6, dtype=torch.float64)
    before = snr(x)
    for layer in snr.layers:
        layer.bias.data[1] += 1
    assert torch.equal(snr(x), before)


GATES = st.builds(
    GateOptions,
    temperature=st.floats(0.2, 1),
    low=st.floats(-0.5, -0.05),
    high=st.floats(1.05, 1.5),
)


@settings(max_examples=20)
@given(GATES, st.floats(-3, 3), st.integers(0, 2**32 - 1))
def test_gates_open_as_often_as_the_penalty_says(options, log_alpha, seed):
    draws = 40_000
    gates = HardConcrete(1, 1, options)
    gates.log_alpha_KV.data.fill_(log_alpha)
    noise = torch.from_numpy(np.random.default_rng(seed).random((draws, 1)))
    z = gates(noise)
    assert ((z >= 0) & (z <= 1)).all()
    expected = gates.open_prob().item()
    error = (expected * (1 - expected) / draws) ** 0.5
    assert abs(float((z > 0).double().mean()) - expected) < 5 * error + 1e-4


def test_gates_without_noise_are_the_published_estimate():
    gates = HardConcrete(1, 3, GateOptions(low=-0.1, high=1.1))
    gates.log_alpha_KV.data = torch.tensor([[-5.0, 0.0, 5.0]])
    torch.testing.assert_close(gates(), torch.tensor([[0.0, 0.5, 1.0]]))


def test_noise_at_the_ends_of_its_range_gives_finite_gradients():
    gates = HardConcrete(1, 2, GateOptions())
    gates(torch.tensor([[0.0, 1.0]])).sum().backward()
    assert gates.log_alpha_KV.grad.isfinite().all()
