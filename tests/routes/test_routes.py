"""The search space: counts of the paper, round trips, and known methods as its points (C15)."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtnas import methods
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import outline
from mtnas.routes.named import full_sharing, no_sharing, random_route, share_bottom
from mtnas.routes.patterns import patterns
from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.runtime.errors import ConfigError

SPACES = st.builds(
    SearchSpace,
    num_layers=st.integers(1, 3),
    num_subnets=st.integers(1, 4),
    num_tasks=st.integers(1, 3),
    query_scope=st.sampled_from(["all_below", "root"]),
    pooling=st.sampled_from(["gate", "mean"]),
)
SEEDS = st.integers(0, 2**32 - 1)


def test_the_paper_s_counts():
    space = SearchSpace(num_layers=2, num_subnets=4, num_tasks=2)
    assert space.blocks == ("s5", "s6", "s7", "s8", "t0", "t1")  # B = (L-1) H + T
    assert space.num_local_routes("s5") == 15 * 5
    assert space.num_local_routes("t0") == 15 * 9
    assert SearchSpace(1, 3, 2, "root").num_routes == 7 * 7


def test_without_gates_a_local_route_is_a_subset_of_values():
    space = SearchSpace(num_layers=2, num_subnets=4, num_tasks=2, pooling="mean")
    assert {space.num_local_routes(block) for block in space.blocks} == {15}
    assert not any(local.has_gate for _, local in full_sharing(space))
    assert full_sharing(space).used(["t0"]).isdisjoint({"t1"})


@given(SPACES, SEEDS)
def test_a_route_survives_json_and_indices(space, seed):
    route = random_route(space, np.random.default_rng(seed))
    assert Route.from_json(space, route.to_json()) == route
    for block, local in route:
        assert space.local_route(block, space.index_of(block, local)) == local


@given(SPACES, SEEDS)
def test_routes_are_numbered(space, seed):
    route = random_route(space, np.random.default_rng(seed))
    assert 0 <= route.index < space.num_routes
    assert Route.at(space, route.index) == route
    assert Route.at(space, space.num_routes - 1).index == space.num_routes - 1


@settings(deadline=None)
@given(SPACES, SEEDS)
def test_canonical_routes_compute_the_same_with_the_same_weights(space, seed):
    rng = np.random.default_rng(seed)
    route = random_route(space, rng)
    canonical = route.canonical()
    assert canonical.canonical() == canonical
    assert canonical.used() == route.used()
    outputs, buffers = [], []
    for given_route in (route, canonical):
        torch.manual_seed(seed % 1000)
        method = methods.load("mtnas")
        options = method.options(**space_options(space), hidden_dim=4)
        sharing = method.sharing(options, input_dim=5, num_tasks=space.num_tasks, route=given_route)
        h = sharing(torch.randn(6, 5))
        h.square().sum().backward()
        outputs.append([h, *(p.grad for p in sharing.parameters())])
        buffers.append(sharing.route_buffers(given_route))
    for ours, theirs in zip(*outputs, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    stacked = {name: np.stack([b[name] for b in buffers]) for name in buffers[0]}
    for active in sharing.activity(stacked).values():
        assert (active[0] == active[1]).all()  # the optimiser moves the same weights


def space_options(space):
    names = ("num_layers", "num_subnets", "query_scope")
    return {name: getattr(space, name) for name in names}


@given(SPACES)
def test_without_sharing_no_sub_network_serves_two_tasks(space):
    if space.num_subnets < space.num_tasks:
        with pytest.raises(ConfigError, match="raise num_subnets"):
            no_sharing(space)
        return
    route = no_sharing(space)
    served = [route.used([task]) - {"root", task} for task in space.tasks]
    assert (
        sum(map(len, served))
        == len(frozenset().union(*served))
        == len(route.used()) - 1 - len(space.tasks)
    )
    assert len(route.used() - {"root", *space.tasks}) == space.num_layers * space.num_subnets


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (SearchSpace(1, 3, 2, "root"), 13),
        (SearchSpace(1, 2, 1, "root"), 2),
        (SearchSpace(1, 2, 1), 2 + 1),  # one value, or both: asked by the root or one of them
        (SearchSpace(2, 2, 1, "root"), 2 + 4),  # the task reads one sub-network, or both
    ],
)
def test_patterns_are_routes_up_to_the_names_of_sub_networks(space, expected):
    found = patterns(space)
    assert len(found) == space.num_routes
    assert len(set(found)) == expected
    assert all(first <= index for index, first in enumerate(found))
    assert all(found[first] == first for first in found)


@given(SPACES, SEEDS)
def test_activity_of_arrays_equals_reachability_of_names(space, seed):
    rng = np.random.default_rng(seed)
    routes = [random_route(space, rng) for _ in range(3)]
    method = methods.load("mtnas")
    options = method.options(**space_options(space), pooling=space.pooling, hidden_dim=4)
    sharing = method.sharing(options, input_dim=5, num_tasks=space.num_tasks)
    buffers = [sharing.route_buffers(route) for route in routes]
    stacked = {name: np.stack([b[name] for b in buffers]) for name in buffers[0]}
    active = sharing.activity(stacked)
    for m, route in enumerate(routes):
        used = route.used()
        for layer in range(space.num_layers):
            alive = [name in used for name in space.layer(layer)]
            assert active[f"layers.{layer}.weight"][m].tolist() == alive
        gated = [block in used and local.has_gate for block, local in route]
        if space.pooling == "gate":
            assert active["gate_KWH"][m].tolist() == gated
        else:
            assert not any(gated)
            assert "gate_KWH" not in active


@given(SPACES, SEEDS)
def test_what_takes_no_part_has_no_gradient(space, seed):
    torch.manual_seed(seed % 1000)
    route = random_route(space, np.random.default_rng(seed))
    method = methods.load("mtnas")
    size = {"num_layers": space.num_layers, "num_subnets": space.num_subnets}
    options = method.options(**size, hidden_dim=4, pooling=space.pooling)
    # D1 restricts which queries may be chosen, not how a route computes.
    wide = SearchSpace(**size, num_tasks=space.num_tasks, pooling=space.pooling)
    route = Route(wide, route.choices)
    sharing = method.sharing(options, input_dim=5, num_tasks=space.num_tasks, route=route)
    sharing(torch.randn(6, 5)).square().sum().backward()
    buffers = {name: array[None] for name, array in sharing.route_buffers(route).items()}
    for name, active in sharing.activity(buffers).items():
        grad = sharing.get_parameter(name).grad
        slices = grad.flatten(1).abs().sum(1)
        assert (slices[~torch.from_numpy(active[0])] == 0).all()


@given(SPACES, SEEDS)
def test_mean_pooling_equals_gates_that_do_not_discriminate(space, seed):
    route = random_route(space, np.random.default_rng(seed))
    method, size = methods.load("mtnas"), (space.num_layers, space.num_subnets, space.num_tasks)
    dims, x = {"input_dim": 5, "num_tasks": space.num_tasks}, torch.randn(6, 5)
    options = method.options(
        num_layers=space.num_layers, num_subnets=space.num_subnets, hidden_dim=4
    )
    queried = tuple(LocalRoute(local.values, "root") for local in route.choices)
    gated = method.sharing(options, route=Route(SearchSpace(*size), queried), **dims)
    gated.gate_KWH.data.zero_()
    plain = tuple(LocalRoute(local.values, None) for local in route.choices)
    mean_space = SearchSpace(*size, pooling="mean")
    mean_options = options.model_copy(update={"pooling": "mean"})
    mean = method.sharing(mean_options, route=Route(mean_space, plain), **dims)
    mean.root.load_state_dict(gated.root.state_dict())
    mean.layers.load_state_dict(gated.layers.state_dict())
    torch.testing.assert_close(mean(x), gated(x))
    assert not any("gate" in name for name, _ in mean.named_parameters())


@given(SPACES, SEEDS)
def test_full_sharing_uses_every_parameter_that_a_network_has(space, seed):
    method = methods.load("mtnas")
    options = method.options(
        num_layers=space.num_layers,
        num_subnets=space.num_subnets,
        hidden_dim=4,
        query_scope=space.query_scope,
        pooling=space.pooling,
    )
    model = outline(method, options, encoder=Encoder.of_numbers(5), num_tasks=space.num_tasks)
    dense = model.num_parameters()
    unused_gates = 0  # the softmax over one value
    if space.num_subnets == 1 and space.pooling == "gate":
        unused_gates = 4 * len(space.blocks)
    assert model.num_parameters(full_sharing(space)) == dense - unused_gates
    some = random_route(space, np.random.default_rng(seed))
    assert model.num_parameters(some) <= dense - unused_gates


def twin(name, route, num_layers, num_subnets, *, num_tasks=2, **options):
    """Build a method and MTNAS on `route`, with room for equal weights."""
    method, mtnas = methods.load(name), methods.load("mtnas")
    dims = {"input_dim": 6, "num_tasks": num_tasks}
    theirs = method.sharing(method.options(hidden_dim=8, **options), **dims).double()
    space_options = mtnas.options(num_layers=num_layers, num_subnets=num_subnets, hidden_dim=8)
    ours = mtnas.sharing(space_options, route=route, **dims).double()
    ours.root.load_state_dict(theirs.root.state_dict())
    return theirs, ours


def assert_same_function(theirs, ours):
    x = torch.randn(9, 6, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


def test_mmoe_is_a_route_of_the_space():
    route = full_sharing(SearchSpace(1, 4, 2))
    theirs, ours = twin("mmoe", route, 1, 4, root_dim=8)
    ours.layers[0].load_state_dict(theirs.experts.state_dict())
    ours.gate_KWH.data.copy_(theirs.gate_TER)
    assert_same_function(theirs, ours)


@given(st.integers(3, 6), st.integers(1, 3))
def test_the_cut_mmoe_is_a_route_of_the_space(num_experts, num_tasks):
    space = SearchSpace(1, num_experts, num_tasks)
    options = {"root_dim": 8, "num_experts": num_experts}
    kept = methods.load("cut_mmoe").options(**options).kept_by(num_tasks)
    names = space.layer(0)
    choices = (LocalRoute(tuple(names[e] for e in experts), "root") for experts in kept)
    route = Route(space, tuple(choices))
    theirs, ours = twin("cut_mmoe", route, 1, num_experts, num_tasks=num_tasks, **options)
    ours.layers[0].load_state_dict(theirs.experts.state_dict())
    ours.gate_KWH.data.copy_(theirs.gate_TER)
    assert_same_function(theirs, ours)


def test_ml_mmoe_is_a_route_of_the_space():
    route = full_sharing(SearchSpace(2, 4, 2))
    theirs, ours = twin("ml_mmoe", route, 2, 4)
    ours.layers.load_state_dict(theirs.layers.state_dict())
    ours.gate_KWH.data.copy_(torch.cat(list(theirs.gates)))
    assert_same_function(theirs, ours)


def test_share_bottom_is_a_route_of_the_space():
    route = share_bottom(SearchSpace(1, 4, 2))
    theirs, ours = twin("share_bottom", route, 1, 4)
    ours.layers[0].weight.data[0] = theirs.bottom.weight.T
    ours.layers[0].bias.data[0, 0] = theirs.bottom.bias
    assert_same_function(theirs, ours)


@pytest.mark.parametrize(
    ("values", "query", "message"),
    [
        (("s9",), "root", "unknown value 's9'"),
        ((), "root", "one or more"),
        (("s1", "s1"), "root", "distinct"),
        (("s1",), "t0", "unknown query 't0'"),
        (("s1",), None, "unknown query 'None'"),
    ],
)
def test_impossible_routes_are_refused(values, query, message):
    space = SearchSpace(1, 3, 1)
    with pytest.raises(ValueError, match=message):
        Route(space, (LocalRoute(values, query),))
