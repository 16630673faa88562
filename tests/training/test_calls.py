"""A model alone is called as it stands, with the outputs and gradients of its tensors."""

import numpy as np
import torch

from mtnas import methods
from mtnas.routes.route import Route
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


def test_a_model_alone_learns_what_one_in_company_does_whatever_the_route():
    data, rng = examples(), np.random.default_rng(0)
    index_MB = torch.arange(64).expand(1, -1)
    alone, company = small_ensemble("mtnas", [3], data), small_ensemble("mtnas", [3, 3], data)
    space = alone.template.routed.space
    for each in range(12):
        locals_K = [
            # The first routes have single values alone, so that no gate matters.
            space.local_route(b, int(rng.integers(space.num_local_routes(b))) if each > 1 else each)
            for b in space.blocks
        ]
        buffers = alone.template.routed.route_buffers(Route(space, tuple(locals_K)))
        found = []
        for ensemble in (alone, company):
            ensemble.take({n: np.stack([a] * len(ensemble)) for n, a in buffers.items()})
            x = ensemble.encoded(data.inputs, index_MB.expand(len(ensemble), -1))
            total = ensemble.logits(x, ensemble.leaves).square().sum()
            leaves = list(ensemble.leaves.values())
            found.append(torch.autograd.grad(total, leaves, materialize_grads=True))
        for own, other in zip(*found, strict=True):
            torch.testing.assert_close(own, other[0].view_as(own))
