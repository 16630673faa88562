"""How batches are made of several sources: what an epoch holds, in which order, in which shares."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.runtime.errors import ConfigError
from mtnas.search.strategies import searcher
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.data import Batches, Split, training_batches
from mtnas.training.ensemble import Member
from mtnas.training.fit import evaluate_loss, fit
from mtnas.training.mixing import Mixing, plan_of
from tests.helpers.ensembles import small_ensemble
from tests.helpers.inputs import in_sources, mixed
from tests.helpers.stops import to_the_end

NAMES = ("a", "b", "c")


def mixing(how, counts, weights=None):
    """Return the mixing of a table with so many rows of each source, here and there."""
    names = NAMES[: len(counts)]
    source = np.repeat(np.arange(len(counts), dtype=np.int8), counts)
    source = np.random.default_rng(0).permutation(source)
    options = TrainingOptions(mixing=how, mixing_weights=weights)
    return Mixing.of(options, source, names), source


def epoch_of(batches):
    return [next(batches).clone() for _ in range(batches.per_epoch)]


@pytest.mark.parametrize(
    ("how", "counts", "weights", "size", "expected"),
    [
        # Batches of one source: its name for each, then how many rows.
        ("sequential", (10, 4), None, 3, "aaa b"),
        ("sequential", (3, 9, 2), None, 3, "a bbb c"),
        ("round_robin", (10, 4), None, 3, "abaa"),
        ("round_robin", (10, 10), None, 3, "ababab"),
        ("round_robin", (12, 4, 6), None, 2, "abcabcacaaa"),
        ("round_robin", (10, 6), {"a": 2}, 2, "aab aab ab"),
        ("round_robin", (4, 10), {"b": 3.0}, 2, "abbb abb"),
        ("round_robin", (2, 9), None, 3, "abbb"),  # a source smaller than a batch is not lost
    ],
)
def test_batches_of_one_source_come_in_this_order(how, counts, weights, size, expected):
    mix, source = mixing(how, counts, weights)
    batches = Batches([np.arange(len(source))], [Member(0, (0,))], size, mixing=mix)
    for _ in range(2):
        epoch = epoch_of(batches)
        names = "".join("".join({NAMES[source[row]] for row in batch[0]}) for batch in epoch)
        assert names == expected.replace(" ", "")
        rows = torch.cat(epoch, 1)[0].tolist()
        assert len(set(rows)) == len(rows)
        for number, count in enumerate(counts):
            used = sum(source[row] == number for row in rows)
            assert used == count // min(count, size) * min(count, size)


@pytest.mark.parametrize(
    ("counts", "weights", "size", "shares", "batches"),
    [
        ((60, 20), None, 8, (4, 4), 15),
        ((60, 20), {"a": 3}, 8, (6, 2), 10),
        ((60, 20), {"b": 0.5}, 6, (4, 2), 15),
        ((60, 20), {"a": 999}, 8, (7, 1), 20),  # no source goes without
        ((30, 30, 30), None, 8, (3, 3, 2), 15),
        ((30, 5), None, 512, (18, 17), 1),  # more than all rows: the smaller starts over
    ],
)
def test_balanced_batches_hold_shares_of_all_sources(counts, weights, size, shares, batches):
    mix, source = mixing("balanced", counts, weights)
    made = Batches([np.arange(len(source))], [Member(0, (0,))], size, mixing=mix)
    assert made.per_epoch == batches
    for _ in range(2):
        epoch = epoch_of(made)
        for batch in epoch:
            found = np.bincount(source[batch[0]], minlength=len(counts))
            assert found.tolist() == list(shares)
        used = Counter(torch.cat(epoch, 1)[0].tolist())
        for number, (count, share) in enumerate(zip(counts, shares, strict=True)):
            times = [used[row] for row in np.flatnonzero(source == number)]
            assert sum(times) == share * batches
            assert max(times) - min(times) <= 1  # each row before any again
            if share * batches >= count:
                assert min(times) >= 1


def test_epochs_are_shuffled_anew():
    mix, source = mixing("balanced", (60, 20))
    batches = Batches([np.arange(len(source))], [Member(0, (0,))], 8, mixing=mix)
    first, second = (torch.cat(epoch_of(batches), 1) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("how", [None, "proportional", "sequential", "round_robin", "balanced"])
def test_one_source_alone_is_what_plain_shuffling_gives(how):
    rows = np.random.default_rng(3).permutation(100)[:50]
    mix = how and mixing(how, (100, 100))[0]
    if mix is not None:
        mix = Mixing(how, (2.0, 1.0), np.repeat(np.int8([0, 1]), 100))
    plain = Batches([rows], [Member(7, (0,))], 8)
    mixed_batches = Batches([rows], [Member(7, (0,))], 8, mixing=mix)
    assert all(torch.equal(next(plain), next(mixed_batches)) for _ in range(20))


def test_members_take_the_rows_of_their_own_sources():
    """As models of one task each do, whose tasks have sources of the same size."""
    mix = Mixing("round_robin", (2.0, 1.0), np.repeat(np.int8([0, 1]), 40))
    rows = [np.arange(40), np.arange(40, 80)]
    batches = Batches(rows, [Member(7, (0,)), Member(7, (1,))], 8, mixing=mix)
    epoch = torch.cat(epoch_of(batches), 1)
    assert torch.equal(epoch[0] + 40, epoch[1])


def test_members_that_would_take_other_batches_are_refused():
    mix = Mixing("round_robin", (1.0, 1.0), np.repeat(np.int8([0, 1]), 40))
    rows = [np.arange(10, 50), np.arange(20, 60)]
    with pytest.raises(ValueError, match="other batches in one ensemble"):
        Batches(rows, [Member(0, (0,)), Member(1, (0,))], 8, mixing=mix)


MIXED = {
    "proportional": {},
    "sequential": {},
    "round_robin": {"mixing_weights": {"b": 2}},
    "balanced": {"mixing_weights": {"b": 0.5}},
}
MODES = pytest.mark.parametrize("how", MIXED)


def training(how, **changes):
    shared = {"epochs": 3, "batch_size": 32, "embedding_dim": 3, "learning_rate": 0.02}
    options = {"dtype": "float64", "mixing": how, **MIXED[how], **changes}
    return TrainingOptions(**{**shared, **options})


@pytest.fixture(scope="module")
def data():
    return in_sources(mixed(), {"a": 0.75, "b": 0.25})


def split(data, seed):
    """Return a split in which every source has as many rows in each part as in all others."""
    rng, parts = np.random.default_rng(seed), []
    for number in range(len(data.sources)):
        own = rng.permutation(np.flatnonzero(data.source == number))
        parts.append(np.split(own, [len(own) * 4 // 6, len(own) * 5 // 6]))
    return Split(*(np.sort(np.concatenate(part)) for part in zip(*parts, strict=True)))


def fitted(name, seeds, data, options, checkpoint=None):
    torch.set_num_threads(1)
    ensemble = small_ensemble(name, seeds, data, dtype=options.dtype)
    splits = [split(data, member.seed) for member in ensemble.members]
    result = fit(ensemble, data, splits, options, checkpoint)
    return result, {name: tensor.clone() for name, tensor in ensemble.state().items()}


@MODES
@pytest.mark.parametrize("method", ["single_task", "mmoe"])
def test_a_seed_is_the_same_alone_and_in_company(how, method, data):
    together, weights = fitted(method, [3, 1, 4], data, training(how))
    alone, own = fitted(method, [1], data, training(how))
    mine = slice(len(own["embedding"]), 2 * len(own["embedding"]))
    assert alone.best_epochs == together.best_epochs[mine]
    for name, tensor in own.items():
        torch.testing.assert_close(tensor, weights[name][mine], rtol=0, atol=1e-12)


@MODES
@pytest.mark.parametrize("stops", [[1], [7, 2, 9]])
def test_training_goes_on_to_the_same_numbers(how, stops, data, tmp_path):
    options = training(how, dtype="float32", selection="source")
    expected, weights = fitted("mmoe", [0, 1], data, options)
    path = tmp_path / "0-1.safetensors"

    result, state = to_the_end(
        stops, lambda: fitted("mmoe", [0, 1], data, options, Checkpoint(path))
    )

    assert result.valid_losses == expected.valid_losses
    assert result.best_epochs == expected.best_epochs
    assert all(torch.equal(state[name], weights[name]) for name in weights)


@pytest.mark.parametrize("weights", [None, (2.0, 0.5)])
@pytest.mark.parametrize("how", ["sequential", "round_robin"])
def test_the_training_loss_is_that_of_the_labelled_rows_whatever_a_batch_holds(how, weights, data):
    """With steps too small to matter, it is the loss of the training rows, task by task."""
    of_task = torch.arange(data.labels.shape[1]) % len(data.sources)
    other = torch.from_numpy(data.source)[:, None] != of_task
    data = replace(data, labels=data.labels.masked_fill(other, torch.nan))
    options = {"learning_rate": 1e-12, "weight_decay": 0.0, "epochs": 1, "batch_size": 1}
    options = training(how, **options, loss_weights=weights)
    result, _ = fitted("mmoe", [0, 1], data, options)
    ensemble = small_ensemble("mmoe", [0, 1], data, dtype=options.dtype)
    rows = [split(data, seed).train for seed in (0, 1)]
    ensemble.standardize(data.inputs, rows)
    expected_MT = evaluate_loss(ensemble, data, rows) * torch.tensor(weights or (1.0, 1.0))
    assert result.train_loss[0] == pytest.approx(expected_MT.sum(1).tolist(), rel=1e-6)


def test_the_modes_train_differently(data):
    losses = {how: fitted("mmoe", [0], data, training(how))[0].valid_losses for how in MIXED}
    assert len({str(loss) for loss in losses.values()}) == len(MIXED)


@MODES
def test_the_batches_of_training_are_mixed(how, data):
    ensemble = small_ensemble("mmoe", [0, 1], data)
    splits = [split(data, seed) for seed in (0, 1)]
    batches = training_batches(data, splits, ensemble, training(how))
    counts = np.bincount(data.source[splits[0].train]).tolist()
    weights = [1.0, MIXED[how].get("mixing_weights", {}).get("b", 1.0)]
    counts = [sum(counts)] if how == "proportional" else counts
    assert batches.per_epoch == len(plan_of(how, counts, weights, 32))


@pytest.mark.parametrize("judge", ["supernet", "training"])
def test_a_search_trains_on_mixed_batches(judge, data):
    strategy = {"strategy": "random_search", "candidates": 2, "judge": judge, "reward": "neg_loss"}
    options, found = SearchOptions(steps=12, batch_size=32, **strategy), {}
    for how in ("proportional", "balanced"):
        ensemble = small_ensemble("mtnas", [1], data, num_layers=1, num_subnets=2)
        search = searcher(options)(ensemble, data, [split(data, 1)], options, training(how))
        found[how] = search.run().state["embedding"].clone()
    assert not torch.equal(*found.values())


@pytest.mark.parametrize(
    ("options", "names", "message"),
    [
        ({"mixing": "balanced"}, (), "mixing: 'balanced', but the dataset has no sources"),
        ({"selection": "source"}, (), "selection: 'source', but the dataset has no sources"),
        (
            {"mixing": "balanced", "mixing_weights": {"c": 1}}, ("a", "b"),
            "mixing_weights: unknown source 'c'; allowed: a, b",
        ),
        ({"mixing": "balanced", "batch_size": 1}, ("a", "b"), "batch_size: 1, but with mixing: ba"),
    ],
)  # fmt: skip
def test_options_that_do_not_suit_the_sources_are_refused(options, names, message):
    source = np.zeros(9, np.int8) if names else None
    with pytest.raises(ConfigError) as caught:
        Mixing.of(TrainingOptions(**options), source, names)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixing_weights": {"a": 1}}, "mixing is 'proportional'; only round_robin and balanced"),
        ({"mixing": "sequential", "mixing_weights": {"a": 1}}, "mixing is 'sequential'"),
        ({"mixing": "round_robin", "mixing_weights": {"a": 1.5}}, "a: 1.5, but a turn has whole"),
        ({"mixing": "balanced", "mixing_weights": {"a": 0}}, "greater than 0"),
        ({"mixing": "round_robin", "mixing_weights": {"a": 0}}, "greater than 0"),
        ({"mixing": "alternating"}, "round_robin"),
    ],
)
def test_weights_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingOptions(**options)
