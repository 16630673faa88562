"""A model alone is called as it stands, with the outputs and gradients of its tensors."""

import numpy as np
import torch

from mtnas import methods
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples

NAMES = [name for name in methods.available() if methods.load(name).sharing]


def outputs(ensemble, params):
    index_MB = torch.arange(64).expand(len(ensemble), -1)
    data = examples()
    return ensemble.logits(ensemble.encoded(data.inputs, index_MB), params)


def test_a_model_alone_has_the_outputs_and_gradients_of_its_copied_tensors():
    for name in NAMES:
        ensemble = small_ensemble(name, [3], examples())
        copies = {n: p.clone().requires_grad_() for n, p in ensemble.params.items()}
        stands, called = outputs(ensemble, ensemble.leaves), outputs(ensemble, copies)
        own = torch.autograd.grad(stands.square().sum(), list(ensemble.leaves.values()))
        other = torch.autograd.grad(called.square().sum(), list(copies.values()))

        assert torch.equal(stands, called), name
        for found, expected in zip(own, other, strict=True):
            assert torch.equal(found, expected.view_as(found)), name


def test_leaves_are_the_memory_of_the_ensemble():
    for seeds in ([3], [3, 1]):
        ensemble = small_ensemble("mmoe", seeds, examples())
        with torch.no_grad():
            before = outputs(ensemble, None)
            ensemble.flat_params.flat_MP.mul_(2)
            assert not torch.equal(outputs(ensemble, None), before)
            assert torch.equal(outputs(ensemble, None), outputs(ensemble, ensemble.leaves))


def test_a_model_alone_takes_another_route():
    ensemble = small_ensemble("mtnas", [3], examples())
    x_MBD = ensemble.encoded(examples().inputs, torch.arange(64).expand(1, -1))
    buffers = {
        name: ensemble.buffers[f"sharing.{name}"].numpy().copy()
        for name in ("values_KW", "query_KC")
    }
    buffers["values_KW"][:, :, 1:] = False
    with torch.no_grad():
        before = ensemble.logits(x_MBD)
        ensemble.take(buffers)
        after = ensemble.logits(x_MBD)

    assert not torch.equal(before, after)
    assert torch.equal(after, ensemble.logits(x_MBD, ensemble.params))
    assert np.array_equal(ensemble.buffers["sharing.values_KW"].numpy(), buffers["values_KW"])
