"""A second method with a searched route is one more file: the search asks methods, not MTNAS."""

import numpy as np
import pytest
import torch

import mtnas.methods
from mtnas import methods
from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.routes.named import share_bottom
from mtnas.search.strategies import searcher
from mtnas.training.fit import fit
from tests.helpers.ensembles import SMALL_WIDTH, small_ensemble
from tests.helpers.synthetic import examples, split

FILE = '''
"""One layer of sub-networks; a task weighs those of its route by what they say themselves."""

import numpy as np
import torch

from mtnas.config.options import SearchedOptions
from mtnas.methods.parts.layers import SubNetworks, gates
from mtnas.methods.parts.sharing import RoutedSharing
from mtnas.routes.named import full_sharing
from mtnas.routes.space import SearchSpace


class Options(SearchedOptions):
    """Options."""

    hidden_dim: int | None = None

    def space(self, num_tasks):
        return SearchSpace(1, 3, num_tasks, "root")


class Sharing(RoutedSharing):
    """Three sub-networks."""

    def __init__(self, options, *, input_dim, num_tasks, route=None):
        super().__init__()
        self.space, self.output_dim = options.space(num_tasks), options.hidden_dim
        self.subnets = SubNetworks(3, input_dim, self.output_dim)
        self.ask_KVH = gates(num_tasks, 3, self.output_dim)
        self.gate_name = "ask_KVH"
        self.take(route or full_sharing(self.space))

    def forward(self, x_BD, mixed=None):
        h_VBH = self.subnets(x_BD)
        said_KVB = torch.einsum("vbh,kvh->kvb", h_VBH, self.ask_KVH)
        chosen_KVB = said_KVB.masked_fill(~self.chosen_KV[..., None], -torch.inf).softmax(1)
        return torch.einsum("kvb,vbh->bkh", chosen_KVB, h_VBH)

    @staticmethod
    def route_buffers(route):
        names = route.space.layer(0)
        return {"chosen_KV": np.array([[n in local.values for n in names] for _, local in route])}

    def activity(self, buffers):
        alive_MV = buffers["chosen_KV"].any(1)
        gated_MK = buffers["chosen_KV"].sum(-1) > 1
        return {"subnets.weight": alive_MV, "subnets.bias": alive_MV, "ask_KVH": gated_MK}

    def used_parameters(self, route):
        return 0
'''
TRAINING = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3, learning_rate=0.01)


@pytest.fixture
def name(tmp_path, monkeypatch):
    (tmp_path / "said.py").write_text(FILE)
    monkeypatch.setattr(mtnas.methods, "__path__", [*mtnas.methods.__path__, str(tmp_path)])
    return "said"


@pytest.mark.parametrize("strategy", ["reinforce", "random_search"])
def test_a_second_routed_method_is_searched_and_retrained(name, strategy):
    data, chosen = examples(), SearchOptions(strategy=strategy, steps=60, candidates=9)
    ensemble = small_ensemble(name, [0, 1], data)

    search = searcher(chosen)(ensemble, data, [split()] * 2, chosen, TRAINING)
    result = search.run()

    routes = [found.route for found in result.routes]
    assert routes[0].space == methods.load(name).options().space(2)
    for m, route in enumerate(routes):  # the ensemble has become their networks
        expected = methods.load(name).sharing.route_buffers(route)["chosen_KV"]
        assert np.array_equal(ensemble.buffers["sharing.chosen_KV"][m].numpy(), expected)
    assert result.state["sharing.ask_KVH"].shape == (2, 2, 3, SMALL_WIDTH)

    retrained = small_ensemble(name, [0, 1], data, routes=routes)
    fitted = fit(retrained, data, [split()] * 2, TRAINING)
    assert fitted.train_loss[-1] < fitted.train_loss[0]


def test_what_its_routes_leave_out_stays_as_it_is(name):
    data, method = examples(), methods.load(name)
    one = method.options().space(2)
    ensemble = small_ensemble(name, [0], data, routes=[share_bottom(one)])
    before = {n: tensor.clone() for n, tensor in ensemble.params.items()}
    fit(ensemble, data, [split()], TRAINING)

    changed = ensemble.params["sharing.subnets.weight"] != before["sharing.subnets.weight"]
    assert changed[0].flatten(1).any(1).tolist() == [True, False, False]
    assert torch.equal(ensemble.params["sharing.ask_KVH"], before["sharing.ask_KVH"])
