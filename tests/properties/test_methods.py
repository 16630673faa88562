"""What further sharing methods become at the ends of their options; hard-concrete gates."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtnas import methods
from mtnas.hard_concrete import HardConcrete
from mtnas.options import GateOptions

DIMS = {"input_dim": 6, "num_tasks": 3}
OPEN = torch.tensor(100.0)  # log alpha of a gate that is open for certain


def build(name, *, num_tasks=3, **options):
    method = methods.load(name)
    dims = {**DIMS, "num_tasks": num_tasks}
    return method.sharing(method.options(hidden_dim=8, **options), **dims).double()


def assert_same_function(one, other, *noise):
    x = torch.randn(9, 6, dtype=torch.float64)
    torch.testing.assert_close(one(x, *noise), other(x), rtol=0, atol=1e-12)


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
