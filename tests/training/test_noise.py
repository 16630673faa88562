"""Noise and penalty of a method: in training only, from streams, with the right gradients."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from mtnas.config.options import TrainingOptions
from mtnas.runtime import seeds
from mtnas.training.fit import evaluate_loss
from mtnas.training.noise import Noise
from mtnas.training.trainer import Trainer
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples, split

TRAINING = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3, weight_decay=0.0)
GATES = "sharing.gates.log_alpha_KV"
SEEDS = [3, 1]
SNR = pytest.mark.parametrize("name", ["snr_aver", "snr_trans"])


def trainer(name, seed_list=SEEDS, **gates):
    data = examples()
    return Trainer(small_ensemble(name, seed_list, data, gates=gates), data, TRAINING)


def batch(members):
    return torch.arange(64).expand(members, -1)


def test_noise_is_that_of_the_seed_step_by_step():
    ensemble = trainer("snr_aver").ensemble
    noise = Noise(ensemble)
    rngs = [seeds.generator(seed, "noise") for seed in SEEDS]
    for _ in range(3):
        expected = np.stack([rng.random(ensemble.noise_shape) for rng in rngs])
        np.testing.assert_array_equal(noise(7).numpy(), expected)


def test_a_method_that_asks_for_no_noise_gets_none_and_adds_nothing():
    ensemble = small_ensemble("mmoe", SEEDS, examples())
    assert Noise(ensemble)(7) is None
    assert ensemble.penalty(ensemble.params) is None


@SNR
def test_a_step_samples_the_gates_and_evaluation_does_not(name):
    training = trainer(name)
    ensemble, data, index_MB = training.ensemble, training.examples, batch(2)
    rows = [split().valid] * 2
    noise_M = Noise(ensemble)(len(index_MB[0]))
    x_MBD = ensemble.encoded(data.inputs, index_MB)
    sampled = training.losses(index_MB, ensemble.logits(x_MBD, noise_M=noise_M))[0].sum(-1)
    usual = training.losses(index_MB, ensemble.logits(x_MBD))[0].sum(-1)
    before = evaluate_loss(ensemble, data, rows)

    assert torch.equal(evaluate_loss(ensemble, data, rows), before)
    torch.testing.assert_close(training.step(index_MB), sampled, rtol=0, atol=1e-12)
    assert (sampled != usual).all()


@SNR
def test_the_penalty_is_the_price_of_the_gates_that_may_open(name):
    ensemble = trainer(name, l0_weight=0.25).ensemble
    log_alpha = ensemble.params[GATES]
    log_alpha.copy_(torch.randn(log_alpha.shape, dtype=torch.float64))
    # P(z > 0) = P(s > -low / (high - low)) of the stretched concrete distribution.
    threshold = 0.1 / 1.2
    quantile = 2 / 3 * np.log(threshold / (1 - threshold))
    expected = 0.25 * (log_alpha - quantile).sigmoid().sum((1, 2))

    torch.testing.assert_close(ensemble.penalty(ensemble.params), expected)


@SNR
@pytest.mark.parametrize("seed_list", [[3], SEEDS])
def test_gradients_of_loss_and_penalty_equal_finite_differences(name, seed_list):
    training = trainer(name, seed_list, l0_weight=0.25)
    ensemble, index_MB = training.ensemble, batch(len(seed_list))
    x_MBD, noise_M = (
        ensemble.encoded(training.examples.inputs, index_MB),
        Noise(ensemble)(len(index_MB[0])),
    )
    checked = [GATES, "sharing.layers.1.bias", "heads.weight"]

    def objective(*tensors):
        params = {**ensemble.params, **dict(zip(checked, tensors, strict=True))}
        loss_M = training.losses(index_MB, ensemble.logits(x_MBD, params, noise_M))[0].sum(-1)
        return loss_M + ensemble.penalty(params)

    inputs = [ensemble.params[n].detach().clone().requires_grad_() for n in checked]
    assert gradcheck(objective, inputs)
    (grad,) = torch.autograd.grad(objective(*inputs).sum(), inputs[0])
    assert (grad != 0).all()


@SNR
def test_a_high_price_closes_gates_and_none_opens_those_that_help(name):
    dear, free = trainer(name, l0_weight=10.0), trainer(name, l0_weight=0.0)
    before = dear.ensemble.params[GATES].clone()
    for training in (dear, free):
        training.step(batch(2))

    rate = torch.full_like(before, TRAINING.learning_rate)  # of Adam's first step
    torch.testing.assert_close(before - dear.ensemble.params[GATES], rate, rtol=1e-4, atol=0)
    assert (free.ensemble.params[GATES] > before).any()
