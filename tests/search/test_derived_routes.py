"""What is recorded of a derived route: how sure it is, and what else there was."""

import math

import pytest

from mtnas.routes.named import full_sharing
from mtnas.routes.space import SearchSpace
from mtnas.search.controls import control_routes
from tests.search.test_search import SMALL, searched

SPACE = SMALL


def test_a_control_is_sure_or_blind():
    sizes = {block: SPACE.num_local_routes(block) for block in SPACE.blocks}
    uniform = {block: math.log(size) for block, size in sizes.items()}

    sure, blind = (control_routes(s, SPACE, [0, 1]) for s in ("full_sharing", "random"))

    assert (len(sure.routes), sure.seconds) == (2, 0.0)
    assert sure.routes[0].probability == dict.fromkeys(sizes, 1.0)
    assert sure.routes[0].entropy == dict.fromkeys(sizes, 0.0)
    assert sure.routes[0].uniform_entropy == blind.routes[1].uniform_entropy == uniform
    assert blind.routes[0].probability == {block: 1 / size for block, size in sizes.items()}
    assert blind.routes[0].entropy == uniform


def test_of_a_small_space_the_whole_distribution_is_kept():
    (found,) = searched([0], space=SPACE, steps=3).routes

    for block, local in found.route:
        shares = found.distribution[block]
        assert len(shares) == SPACE.num_local_routes(block)
        assert sum(shares) == pytest.approx(1)
        chosen = shares[SPACE.index_of(block, local)]
        assert chosen == found.probability[block] == max(shares)


def test_a_route_is_described_on_one_line():
    space = SearchSpace(num_layers=1, num_subnets=2, num_tasks=1)
    assert full_sharing(space).describe() == "t0: s1+s2 ? root"
