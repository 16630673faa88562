"""What a search leaves of its supernet beside the weights of the route that it found."""

import pytest
import torch

from mtnas.routes.space import SearchSpace
from mtnas.search.controls import OF_SUPERNET, control_routes, gates_of
from tests.search.test_search import GATES, SPACE, searched, searching


@pytest.mark.parametrize("strategy", OF_SUPERNET)
@pytest.mark.parametrize("options", [{}, {"strategy": "differentiable"}])
def test_gates_of_a_control_are_those_of_its_own_local_routes(strategy, options):
    search = searching([3, 1], steps=40, **options)
    state = search.run().state
    bank = search._supernet.bank.gate_MRVH
    sizes = [SPACE.num_local_routes(block) for block in SPACE.blocks]
    for m, derived in enumerate(control_routes(strategy, SPACE, [3, 1]).routes):
        for k, (block, local) in enumerate(derived.route):
            place = sum(sizes[:k]) + SPACE.index_of(block, local)
            assert torch.equal(state[gates_of(strategy, GATES)][m, k], bank[m, place])


def test_what_a_search_found_is_as_it_was_before_controls_were_kept():
    search = searching([0, 1])
    state = search.run().state

    others = {gates_of(strategy, GATES) for strategy in OF_SUPERNET}
    assert others < state.keys()
    assert state.keys() - others == search._ensemble.state().keys()
    assert all(torch.equal(state[n], t) for n, t in search._ensemble.state().items())


def test_where_there_are_no_gates_or_no_supernet_nothing_is_added():
    mean = SearchSpace(num_layers=2, num_subnets=2, num_tasks=2, pooling="mean")
    alone = {"strategy": "random_search", "judge": "training", "candidates": 3}

    for found in (searched([0], space=mean, steps=3), searched([0], **alone)):
        assert not any(name.startswith(OF_SUPERNET) for name in found.state)


@pytest.mark.parametrize("options", [{}, {"strategy": "random_search", "candidates": 4}])
def test_one_seed_alone_leaves_the_gates_that_it_leaves_among_many(options):
    together, alone = searched([3, 1, 4], **options), searched([1], **options)
    for name in (gates_of(strategy, GATES) for strategy in OF_SUPERNET):
        torch.testing.assert_close(
            alone.state[name][0], together.state[name][1], rtol=0, atol=1e-12
        )
