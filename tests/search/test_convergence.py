"""When a search has converged, and what it does on pure noise."""

import numpy as np
import pytest
import torch

from mtnas.config.options import SearchOptions
from mtnas.search.architecture import Architecture
from mtnas.search.controls import gates_of
from mtnas.search.convergence import Convergence
from mtnas.training.checkpoint import Checkpoint
from tests.helpers.stops import to_the_end
from tests.search.test_search import GATES, SMALL, SPACE, searched, searching

ROUTE = {"until": "route", "checks": 3, "check_every": 4, "learning_rate": 0.03, "steps": 120}
ENTROPY = {
    "until": "entropy", "checks": 2, "check_every": 5, "entropy_left": 0.975, "steps": 120,
    "learning_rate": 0.03,
}  # fmt: skip


def architecture(tops, preference=1.0):
    """Return one whose members have these routes on top of every block."""
    found = Architecture(SMALL, len(tops), learning_rate=0.01)
    for m, top in enumerate(tops):
        found.alpha_MKR[m, :, top] = preference
    return found


def test_a_route_has_to_stay_at_so_many_checks_in_a_row():
    convergence = Convergence(SearchOptions(until="route", checks=2, check_every=10), 2)
    seen = [([0, 1], 10), ([1, 1], 15), ([0, 1], 20), ([1, 1], 30), ([1, 0], 40), ([1, 0], 50)]
    ended = [convergence.check(step, architecture(tops)).tolist() for tops, step in seen]
    # Step 15 is no check. Member 1 is the same at 20 and 30; member 0 changes at 30.
    assert ended == [
        *([False] * 2, [False] * 2, [False] * 2), [False, True], [False] * 2, [True, False],
    ]  # fmt: skip
    assert convergence.at_M.tolist() == [50, 30]
    assert convergence.done


def test_so_much_entropy_has_to_be_gone():
    options = SearchOptions(until="entropy", checks=1, check_every=1, entropy_left=0.5)
    sharp, blunt = (Convergence(options, 1).check(1, architecture([0], by)) for by in (6.0, 0.5))
    assert (sharp.tolist(), blunt.tolist()) == ([True], [False])


@pytest.mark.parametrize("options", [ROUTE, ENTROPY, {**ROUTE, "strategy": "differentiable"}])
def test_one_seed_alone_ends_as_among_many(options):
    seeds = [3, 1, 4, 0]
    together = searched(seeds, **options)
    steps = [found.notes.get("converged") for found in together.routes]
    assert len(set(steps)) > 1  # they do not end together
    assert any(steps)
    for m, seed in enumerate(seeds):
        alone = searched([seed], **options)
        first, same = alone.routes[0], together.routes[m]
        assert (first.route, first.notes) == (same.route, same.notes)
        assert first.probability == pytest.approx(same.probability, abs=1e-12)
        assert first.curve["step"] == same.curve["step"]
        for name, tensor in alone.state.items():
            torch.testing.assert_close(tensor[0], together.state[name][m], rtol=0, atol=1e-12)


def test_a_search_that_ends_is_the_beginning_of_one_that_does_not():
    ending = searching([3], **ENTROPY)
    found = ending.run()
    at = found.routes[0].notes["converged"]
    cut = searched([3], steps=at, learning_rate=0.03)

    assert 0 < at < ENTROPY["steps"]
    assert ending._steps == at
    assert found.routes[0].route == cut.routes[0].route
    assert found.routes[0].notes == {**cut.routes[0].notes, "converged": at}
    for name in (GATES, gates_of("full_sharing", GATES), "embedding"):
        torch.testing.assert_close(found.state[name], cut.state[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", [ROUTE, {"permuted": True, "routes_per_step": 2, "steps": 60}])
@pytest.mark.parametrize("stops", [[7], [13, 1, 3]])
def test_a_stopped_search_goes_on_to_the_same_end(options, stops, tmp_path):
    straight = searched([3, 1], **options)
    path = tmp_path / "0-1.safetensors"

    result = to_the_end(stops, lambda: searching([3, 1], **options).run(Checkpoint(path)))

    assert [own.to_json() for own in result.routes] == [own.to_json() for own in straight.routes]
    assert all(torch.equal(result.state[name], t) for name, t in straight.state.items())


def test_epochs_cap_the_steps():
    search = searching([0], epochs=2, steps=5)
    per_epoch = search._train.per_epoch
    assert per_epoch == 400 // 64
    assert search.run().routes[0].notes["weight_steps"] == 2 * per_epoch


def rewarding(monkeypatch, **options):
    """Return the mean probability of the local routes that a planted reward likes."""
    search = searching([0, 1, 2, 3], space=SMALL, steps=150, learning_rate=0.05, **options)

    def score(batch_MB):
        return (search._supernet._index_MK == 2).sum(-1).astype(float)

    monkeypatch.setattr(search, "_score", score)
    search.run()
    return search._architecture.probabilities()[..., 2].mean()


@pytest.mark.parametrize("more", [{}, {"routes_per_step": 4, "leave_one_out": True}])
def test_permuted_rewards_tell_nothing_but_move_alpha_as_far(more, monkeypatch):
    told, noise = (rewarding(monkeypatch, permuted=p, **more) for p in (False, True))
    assert told > 0.9
    assert noise < 0.75


def test_noise_alone_uses_up_entropy_but_has_no_direction():
    found = searched(list(range(12)), space=SMALL, steps=300, permuted=True, learning_rate=0.05)
    left = np.mean([sum(own.entropy.values()) / 2 for own in found.routes]) / np.log(3)
    picks = [own.route.index for own in found.routes]
    assert left < 0.98
    assert len(set(picks)) > 3


def test_the_same_weights_and_rewards_begin_both_searches():
    told, noise = (searched([0], steps=1, permuted=p) for p in (False, True))
    assert told.routes[0].curve["reward"] == noise.routes[0].curve["reward"]


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "random_search", "permuted": True},
        {"strategy": "differentiable", "permuted": True},
        {"strategy": "exhaustive", "until": "route"},
        {"strategy": "random", "epochs": 3},
    ],
)
def test_a_strategy_that_cannot_refuses(options):
    with pytest.raises(ValueError, match="is nothing for strategy"):
        SearchOptions(**options)
    assert len(SPACE.blocks) == 4
