"""Controls of a search: other routes of its supernet, other models of the size that it uses."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mtnas.evidence.search_record import SearchRecord
from mtnas.experiments.job import Job
from mtnas.experiments.train import train
from mtnas.routes.named import full_sharing, random_route, share_bottom
from mtnas.routes.space import SearchSpace
from mtnas.runtime import seeds
from mtnas.runtime.errors import RecordError
from mtnas.search.controls import gates_of
from tests.experiments import test_experiment as base
from tests.experiments.test_experiment import MTNAS, SEARCH, TRAINING, search_routes, spec
from tests.helpers.searches import write_search

data = base.data
SPACE = SearchSpace(num_layers=1, num_subnets=4, num_tasks=2)
GATES = "sharing.gate_KWH"
EXACT = {**TRAINING, "dtype": "float64"}
NARROW = {"options": {**MTNAS, "hidden_dim": None}, "budget": MTNAS, "size_of": "routes"}


@pytest.fixture(scope="module")
def found(data, tmp_path_factory):
    """Return the files of a search."""
    return search_routes(data, tmp_path_factory.mktemp("search"))


def run(data, found, **changes):
    return train(spec("mtnas", **{"derive": "inherit", **changes}), Job(**data), **found)


@pytest.mark.parametrize("route", ["random", "full_sharing"])
def test_a_control_inherits_the_supernet_with_the_gates_of_its_route(route, data, found):
    kept = load_file(found["supernet"])

    searched, control = run(data, found), run(data, found, route=route)

    assert torch.equal(searched.weights[GATES], kept[GATES])
    assert torch.equal(control.weights[GATES], kept[gates_of(route, GATES)])
    assert not torch.equal(control.weights[GATES], searched.weights[GATES])
    others = [name for name in searched.weights if name != GATES]
    assert all(torch.equal(control.weights[n], searched.weights[n]) for n in others)
    assert not control.metrics.equals(searched.metrics)


def test_the_routes_of_controls_are_those_of_the_variants_that_train_them_anew(data, found):
    drawn = {s: random_route(SPACE, seeds.generator(s, "routes")) for s in (0, 1)}
    full, blind = (
        run(data, found, route=route).record.parameters for route in ("full_sharing", "random")
    )
    assert set(full.dense_used.values()) == {full.dense}
    edges = {seed: len(route.edges) for seed, route in drawn.items()}
    assert min(edges.values()) < len(full_sharing(SPACE).edges)
    used = blind.dense_used
    assert (used[0] < used[1]) == (edges[0] < edges[1])


@pytest.mark.parametrize("derive", ["inherit", "finetune"])
def test_groups_of_seeds_give_the_same_numbers(derive, data, found):
    changes = {"derive": derive, "route": "full_sharing", "training": EXACT}
    apart, together = (
        train(spec("mtnas", **changes), Job(**data, at_once=n), **found) for n in (1, 2)
    )
    np.testing.assert_allclose(apart.metrics.value, together.metrics.value, rtol=0, atol=1e-12)


def test_without_gates_of_its_own_a_control_is_refused(data, found, tmp_path):
    kept = load_file(found["supernet"])
    del kept[gates_of("full_sharing", GATES)]
    older = tmp_path / "supernet.safetensors"
    save_file(kept, older)
    record = SearchRecord.read(found["routes"])
    record.write(tmp_path / "routes.json", [older])
    files = {"routes": tmp_path / "routes.json", "supernet": older}
    with pytest.raises(RecordError, match="full_sharing"):
        run(data, files, route="full_sharing")


def test_a_model_can_be_as_large_as_what_searched_routes_use(data, found, tmp_path):
    anew = {"derive": "retrain", "training": TRAINING}
    routes = write_search(
        tmp_path / "routes.json", {0: share_bottom(SPACE), 1: full_sharing(SPACE)}
    )
    counts = train(spec("mtnas", **anew), Job(**data), routes=routes).record.parameters
    mean = sum(counts.dense_used.values()) / 2
    blind = search_routes(data, tmp_path / "blind", strategy="full_sharing")["routes"]

    narrow = [
        train(spec("mtnas", **anew, **NARROW), Job(**data, at_once=n), routes=blind, used=routes)
        for n in (1, 2)
    ]

    size = narrow[0].record.parameters
    assert counts.dense_used[0] < mean < counts.dense_used[1] == counts.dense
    assert size.hidden_dim < MTNAS["hidden_dim"]
    assert abs(size.dense - mean) <= 0.02 * mean
    assert set(size.dense_used.values()) == {size.dense}
    assert narrow[1].record.parameters == size
    with pytest.raises(RecordError, match=r"routes\.json of variant paper"):
        train(spec("mtnas", **anew, **NARROW), Job(**data), routes=blind)


def test_a_search_spends_nothing_on_its_controls(data, found):
    record = SearchRecord.read(found["routes"])
    assert {own.weight_steps for own in record.seeds.values()} == {SEARCH["steps"]}
