"""Weights of tasks that are drawn anew for every batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import SearchOptions
from mtnas.runtime import seeds
from mtnas.search.strategies import searcher
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.fit import fit
from mtnas.training.trainer import Trainer
from mtnas.training.weighting import RandomWeights
from tests.helpers.ensembles import small_ensemble
from tests.helpers.stops import to_the_end
from tests.helpers.synthetic import examples, split
from tests.training.test_weighting import TRAINING

RANDOM = TRAINING.model_copy(update={"weighting": "random"})
TASKS = 3


def drawn(seeds_of_members, steps=20, present_MT=None):
    """Return the weights of so many steps, [steps, M, T]."""
    weighting = RandomWeights(
        small_ensemble("share_bottom", seeds_of_members, examples(tasks=TASKS))
    )
    found = []
    for _ in range(steps):
        weighting.draw()
        ones_MT = torch.ones(len(seeds_of_members), TASKS, dtype=torch.float64)
        found.append(weighting(ones_MT, present_MT))
    return torch.stack(found)


def test_weights_are_softmax_of_normals_with_mean_one_for_every_seed_and_batch():
    weights = drawn([3, 1], steps=400)
    for m, seed in enumerate([3, 1]):
        z = seeds.generator(seed, "task_weights").normal(size=(400, TASKS))
        expected = TASKS * torch.from_numpy(z).softmax(-1)
        torch.testing.assert_close(weights[:, m], expected, rtol=0, atol=1e-12)

    torch.testing.assert_close(weights.mean(-1), torch.ones(400, 2, dtype=torch.float64))
    assert len(weights[..., 0].flatten().unique()) == 800  # no two seeds or batches are alike
    # Over many batches all tasks weigh the same: none is above the mean by 5 standard errors.
    error = weights.std(0) / 20
    assert ((weights.mean(0) - 1).abs() < 5 * error).all()
    assert (weights.std(0) > 0.3).all()


def test_only_tasks_with_a_label_in_the_batch_share_the_weight():
    present_MT = torch.tensor([[True, False, True], [False, True, False], [False] * 3])
    weights = drawn([3, 1, 4], present_MT=present_MT)

    assert (weights[:, ~present_MT] == 0).all()
    torch.testing.assert_close(weights[:, 0].sum(-1), torch.full((20,), 2.0, dtype=torch.float64))
    assert weights[:, 0, 0].std() > 0.1
    assert (weights[:, 1, 1] == 1).all()


def test_training_descends_the_weighed_losses_and_reports_plain_ones():
    data, index_MB = examples(tasks=TASKS), torch.arange(64).expand(2, -1)
    start, trainer = (
        Trainer(small_ensemble("share_bottom", [3, 1], data), data, options)
        for options in (TRAINING, RANDOM)
    )
    given = drawn([3, 1], steps=1)[0]
    x_MBD = start.ensemble.encoded(data.inputs, index_MB)
    plain_MT = start.losses(index_MB, start.ensemble.logits(x_MBD))[0]

    trainer.weighting.draw()
    descended_MT, told_MT = trainer.losses(index_MB, trainer.ensemble.logits(x_MBD))

    torch.testing.assert_close(descended_MT, plain_MT * given)
    torch.testing.assert_close(told_MT, plain_MT)


def test_no_weights_serve_two_steps():
    data, index_MB = examples(), torch.arange(64)[None]
    trainer = Trainer(small_ensemble("share_bottom", [0], data), data, RANDOM)
    trainer.step(index_MB)
    out_MBO = trainer.ensemble.logits(trainer.ensemble.encoded(data.inputs, index_MB))
    with pytest.raises(AssertionError, match="before every step"):
        trainer.losses(index_MB, out_MBO)


def trained(name, of_seeds, data, options, checkpoint=None, dtype="float64"):
    ensemble = small_ensemble(name, of_seeds, data, dtype=dtype)
    result = fit(ensemble, data, [split()] * len(of_seeds), options, checkpoint)
    return replace(result, seconds=0.0, states=()), ensemble.state()


@pytest.mark.parametrize("name", ["share_bottom", "snr_trans"])
def test_one_seed_alone_equals_that_seed_among_many(name):
    data = examples(tasks=TASKS)
    (together, many), (alone, one) = (trained(name, s, data, RANDOM) for s in ([3, 1, 4], [1]))
    equal, _ = trained(name, [1], data, TRAINING)

    np.testing.assert_allclose(
        alone.valid_losses, [[epoch[1]] for epoch in together.valid_losses], rtol=0, atol=1e-12
    )
    assert alone.valid_losses != equal.valid_losses
    assert alone.weights == ()  # those of the last batch of an epoch tell nothing
    for key, tensor in one.items():
        torch.testing.assert_close(tensor[0], many[key][1], rtol=0, atol=1e-12)


def test_training_goes_on_to_the_same_numbers(tmp_path):
    data = examples(tasks=TASKS)
    expected, weights = trained("mmoe", [0, 1], data, RANDOM, dtype="float32")

    path = tmp_path / "0-1.safetensors"
    result, state = to_the_end(
        [3, 6, 2],
        lambda: trained("mmoe", [0, 1], data, RANDOM, Checkpoint(path), dtype="float32"),
    )

    assert result == expected
    assert all(torch.equal(state[key], tensor) for key, tensor in weights.items())


def test_a_task_alone_is_trained_as_with_equal_weights():
    data = examples(tasks=1)
    (equal, one), (drawn_anew, other) = (
        trained("share_bottom", [0], data, options) for options in (TRAINING, RANDOM)
    )
    assert drawn_anew.valid_losses == equal.valid_losses
    assert all(torch.equal(other[key], tensor) for key, tensor in one.items())


def test_a_search_draws_weights_too_and_goes_on_to_the_same_numbers(tmp_path):
    data, chosen = examples(tasks=TASKS), SearchOptions(steps=12, batch_size=32)
    find, network = searcher(chosen), {"num_layers": 1, "num_subnets": 2}

    def searched(options, checkpoint=None):
        ensemble = small_ensemble("mtnas", [0, 1], data, dtype="float32", **network)
        state = find(ensemble, data, [split()] * 2, chosen, options).run(checkpoint).state
        return {name: tensor.clone() for name, tensor in state.items()}

    equal, expected = searched(TRAINING), searched(RANDOM)
    path = tmp_path / "0-1.safetensors"
    found = to_the_end([5, 4], lambda: searched(RANDOM, Checkpoint(path)))

    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert not any(torch.equal(equal[name], tensor) for name, tensor in expected.items())
