"""Searching tables (D18): what a choice computes, planted tasks, seeds apart and together."""

import numpy as np
import pytest
import torch

from mtnas import methods
from mtnas.config.options import SearchOptions
from mtnas.routes.named import full_sharing, no_sharing, random_route
from mtnas.routes.route import Route
from mtnas.routes.tables import TableSpace
from mtnas.search.strategies import searcher
from mtnas.training.fit import fit
from tests.helpers.ensembles import small_ensemble
from tests.helpers.planted_tables import (
    TRAINING,
    ensemble,
    every_loss,
    letters,
    picks,
    planted,
    space,
    split,
)  # fmt: skip

SMALL = {"num_layers": 1, "num_subnets": 2, "query_scope": "root", "tables": "searched"}
NETWORK = {"options": {"num_layers": 2, "num_subnets": 2, "hidden_dim": 4}}


def sharing(route=None, tasks=3, **options):
    torch.manual_seed(0)
    method = methods.load("mtnas")
    chosen = method.options(**{**NETWORK["options"], **options})
    return method.sharing(chosen, input_dim=5, num_tasks=tasks, route=route).double()


def test_all_on_the_shared_table_is_the_network_of_the_paper_and_own_tables_are_one_input_each():
    x_RBD = torch.randn(4, 6, 5, dtype=torch.float64)
    one = sharing()
    network = TableSpace(2, 2, 3, "all_below")
    route = random_route(network, np.random.default_rng(0))
    of_network = sharing(route.network)
    for name, expected in (
        ("e", [x_RBD[0]] * 3),
        ("own", list(x_RBD[1:])),
        ("both", [(x_RBD[0] + own) / 2 for own in x_RBD[1:]]),
    ):
        held = {"e": "shared", "own": "own", "both": "both"}[name]
        chosen = Route(network, network.completed(lambda _: route.network.choices, held))
        h_BTH = sharing(chosen, tables="searched")(x_RBD)
        alone = [of_network(x_BD)[:, t] for t, x_BD in enumerate(expected)]
        torch.testing.assert_close(h_BTH, torch.stack(alone, 1), rtol=0, atol=1e-12)
    assert [n for n, _ in one.named_buffers()] == ["values_KW", "query_KC"]


@pytest.mark.parametrize("read", ["one_or_two", "two", "apart"])
@pytest.mark.parametrize("pooling", ["gate", "mean"])
def test_a_route_alone_is_that_route_among_others(read, pooling):
    data = planted("own", rows=300)
    options = {**SMALL, "tables_read": read, "pooling": pooling, "subnet_routes": "searched"}
    one, rng = space(data, **options), np.random.default_rng(1)
    routes = [random_route(one, rng) for _ in range(3)]
    training = TRAINING.model_copy(update={"epochs": 2, "patience": 9})

    def trained(seeds, chosen):
        models = ensemble(data, seeds, chosen, **options)
        return fit(models, data, [split(300)] * len(seeds), training).valid_losses

    together, alone = trained([3, 1, 4], routes), trained([1], routes[1:2])
    np.testing.assert_allclose(np.array(together)[:, 1], np.array(alone)[:, 0], rtol=0, atol=1e-12)
    assert np.ptp(np.array(together)[-1, :, 0]) > 1e-6


WAYS = [
    {},
    {"routes_per_step": 3, "leave_one_out": True, "reward": "neg_loss"},
    {"strategy": "differentiable"},
    {"strategy": "random_search", "candidates": 4},
    {"strategy": "exhaustive", "routes_per_step": 81},
    {"strategy": "exhaustive", "judge": "training", "steps": 81},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
@pytest.mark.parametrize("pooling", ["gate", "mean"])
def test_a_seed_alone_finds_what_it_finds_among_others(way, pooling):
    data, options = planted("half", rows=300), {**SMALL, "pooling": pooling, "tables_read": "two"}
    options["subnet_routes"] = "searched"
    chosen = SearchOptions(**{"steps": 12, "batch_size": 50, **way})

    def searched(seeds):
        models, splits = ensemble(data, seeds, **options), [split(300)] * len(seeds)
        return searcher(chosen)(models, data, splits, chosen, TRAINING).run()

    together, alone = searched([3, 1, 4]), searched([1])
    (found,) = alone.routes
    assert found.route == together.routes[1].route
    for block, p_R in together.routes[1].distribution.items():
        np.testing.assert_allclose(found.distribution[block], p_R, rtol=0, atol=1e-10)
    assert set(found.route.space.blocks) == {"t0", "t1", "x0", "x1"}
    for name, tensor in alone.state.items():
        torch.testing.assert_close(tensor[0], together.state[name][1], rtol=0, atol=1e-9)


def test_gradients_of_the_relaxed_choice_are_those_of_the_tables():
    """A search that knows only gradients moves towards the tables that help."""
    data = planted("own")
    chosen = SearchOptions(
        strategy="differentiable", steps=150, warmup_steps=50, batch_size=300, learning_rate=0.1
    )
    assert all("S" not in pick for pick in picks(data, [0, 1], chosen))


def test_every_assignment_is_trained_and_the_planted_one_wins():
    shared, own = (every_loss(planted(kind), [0, 1]).mean(axis=1) for kind in ("shared", "own"))

    assert sorted(shared.index) == sorted(a + b for a in "SOB" for b in "SOB")
    assert shared.drop("SS").min() - shared["SS"] > 0.02
    # A table that one task reads alone is its own, whatever its name: SO and OS are right as well.
    assert own["SS"] - own.drop("SS").max() > 0.1


@pytest.mark.parametrize("kind", ["shared", "own"])
def test_candidates_that_are_trained_show_the_planted_tables(kind):
    data = planted(kind)
    chosen = SearchOptions(
        strategy="exhaustive", judge="training", steps=9 * 100, reward="neg_loss", batch_size=500
    )
    (found,) = picks(data, [0], chosen)
    assert found == "SS" if kind == "shared" else found != "SS"


def test_of_three_tasks_the_one_that_is_alone_leaves_the_shared_table():
    data, seeds = planted("mixed"), [0]
    losses = every_loss(data, seeds)[0]
    best = losses.idxmin()
    assert len(losses) == 27
    assert losses["SSO"] < min(losses["SSS"], losses["OOO"])
    assert best[2] != "S"


def test_tables_that_a_route_does_not_read_get_no_gradient():
    data = planted("own", rows=300)
    one = space(data)
    models = ensemble(data, [0, 0], [full_sharing(one), no_sharing(one)])
    before = models.table_MNE.clone()
    training = TRAINING.model_copy(update={"epochs": 1, "weight_decay": 0.0})
    fit(models, data, [split(300)] * 2, training)
    moved = (models.table_MNE != before).any(1)  # of one dimension: e, e0, e1 abreast
    assert moved.tolist() == [[True, False, False], [False, True, True]]
    assert [letters(full_sharing(one)), letters(no_sharing(one))] == ["SS", "OO"]


def test_without_the_option_nothing_is_chosen_and_nothing_is_recorded():
    options = methods.load("mtnas").options()
    assert options.num_tables(2) == 0
    assert not {"tables", "tables_read", "subnet_routes"} & options.model_dump().keys()
    assert not {"tables", "tables_read"} & options.space(2).to_json().keys()
    for name in ("tables_read", "subnet_routes"):
        value = {"tables_read": "two", "subnet_routes": "full_sharing"}[name]
        with pytest.raises(ValueError, match=f"{name}: '{value}' is nothing for tables: one"):
            methods.load("mtnas").options(**{name: value})


def test_a_control_has_the_tables_that_it_reads_and_no_others():
    held = {"shared": 1, "own": 3, "both": 4}
    options = methods.load("mtnas").options
    assert {name: options(tables=name).num_tables(3) for name in held} == held
    assert options(tables="shared", tables_read="two").num_tables(3) == 2
    assert small_ensemble("mtnas", [0], planted("own"), tables="own").table_MNE.shape[-1] == 2 * 3
