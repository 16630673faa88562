"""Outputs of sub-networks that are left out in training."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.runtime import seeds
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.fit import fit
from mtnas.training.noise import Noise
from tests.helpers.ensembles import SMALL_WIDTH, small_ensemble
from tests.helpers.stops import to_the_end
from tests.helpers.synthetic import examples, split

SIZES = {"num_layers": 2, "num_subnets": 3}
DATA = examples()


def ensemble(seed_list, dtype="float64", **options):
    return small_ensemble("mtnas", seed_list, DATA, dtype=dtype, **SIZES, **options)


def trained(seed_list, checkpoint=None, dtype="float64", dropout=0.3):
    models = ensemble(seed_list, dtype, dropout=dropout)
    training = TrainingOptions(epochs=2, batch_size=64, learning_rate=0.01, dtype=dtype)
    fit(models, DATA, [split()] * len(seed_list), training, checkpoint)
    return {name: tensor.clone() for name, tensor in models.state().items()}


def test_every_example_has_noise_of_its_own_from_the_stream_of_the_seed():
    noise = Noise(ensemble([3, 1], dropout=0.5))
    rngs = [seeds.generator(seed, "noise") for seed in (3, 1)]
    for size in (7, 7):
        expected = np.stack([rng.random((size, 2, 3, SMALL_WIDTH)) for rng in rngs])
        np.testing.assert_array_equal(noise(size).numpy(), expected)


def test_what_is_dropped_is_zero_and_the_rest_grows_by_as_much():
    models, index_MB = ensemble([0], dropout=0.25), torch.arange(16).unsqueeze(0)
    model, x_MBD = deepcopy(models.template).double(), models.encoded(DATA.inputs, index_MB)
    heard = []
    hook = model.sharing.layers[1].register_forward_hook(lambda _, given, out: heard.append(given))
    keep_all = torch.ones(16, 2, 3, SMALL_WIDTH).double()
    keep_none_below = keep_all.clone()
    keep_none_below[:, 0] = 0.2

    plain, scaled, dead = (
        (model.sharing(x_MBD[0], noise), heard.pop()[0])
        for noise in (None, keep_all, keep_none_below)
    )

    hook.remove()
    torch.testing.assert_close(scaled[1], plain[1] / 0.75)  # what the second layer reads
    assert not dead[1].any()
    assert plain[1].any()


def test_nothing_is_dropped_at_evaluation_nor_without_the_option():
    usual, dropping = ensemble([0]), ensemble([0], dropout=0.5)
    x_MBD = usual.encoded(DATA.inputs, torch.arange(16).unsqueeze(0))
    assert usual.noise_shape is None
    assert torch.equal(usual.logits(x_MBD), dropping.logits(x_MBD))
    assert not torch.equal(
        dropping.logits(x_MBD, noise_M=Noise(dropping)(16)), dropping.logits(x_MBD)
    )


def test_one_seed_alone_is_trained_as_among_many():
    together, alone = trained([3, 1, 4]), trained([1])
    assert any(not torch.equal(trained([1], dropout=0.0)[n], t) for n, t in alone.items())
    for name, tensor in alone.items():
        torch.testing.assert_close(tensor[0], together[name][1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("stops", [[1], [5, 2, 3]])
def test_training_goes_on_to_the_same_weights(stops, tmp_path):
    straight = trained([0, 1], dtype="float32")
    path = tmp_path / "0-1.safetensors"
    state = to_the_end(stops, lambda: trained([0, 1], Checkpoint(path), "float32"))
    assert all(torch.equal(state[name], tensor) for name, tensor in straight.items())
