"""Training rows whose group is validated or tested: left out on demand, counted, in equal steps."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import Groups, InputLayout, TaskSummary
from mtnas.data.prepare.store import Inputs, Table
from mtnas.evidence.records import RunRecord
from mtnas.experiments import assembly
from mtnas.experiments.job import Job
from mtnas.experiments.subsets import train_subsets
from mtnas.experiments.train import train
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.study.specs import RunSpec, SubsetsSpec
from mtnas.training.data import Batches
from mtnas.training.ensemble import Member
from tests.helpers.tables import make_manifest

ROWS = 600
NAMES = ("a", "b", "c")
SIZES = {"train": 120, "valid": 40, "test": 40}


@pytest.fixture
def table() -> Table:
    """Three sources with a binary task each; c has its own split; every sentence is in two."""
    rng = np.random.default_rng(3)
    source = np.repeat(np.arange(3, dtype=np.int8), 200)
    split = np.tile(np.repeat([0, 1, 2], list(SIZES.values())).astype(np.int8), 3)
    labels = np.full((ROWS, 3), np.nan, np.float32)
    labels[np.arange(ROWS), source] = np.arange(ROWS) % 2
    groups = rng.permutation(np.repeat(np.arange(ROWS // 2), 2)).astype(np.int32)
    groups[:5] = -1
    layout = InputLayout(singles=1)
    manifest = make_manifest(
        rows=ROWS,
        tasks=tuple(TaskSummary(name=name, rule="", source=name) for name in NAMES),
        sources=NAMES,
        fixed_sources=("c",),
        groups=Groups(what="words", count=300, rows_together=595, train_rows_met={}),
        layout=layout,
        split_sizes={name: 3 * size for name, size in SIZES.items()},
        source_sizes=dict.fromkeys(NAMES, SIZES),
        num_ids=50,
    )
    ids = rng.integers(0, 50, (ROWS, 1)).astype(np.int32)
    return Table(Inputs(layout, ids), labels, split, source, manifest, groups)


def spec_of(method: str = "share_bottom", **changes: Any) -> RunSpec:
    training = {"epochs": 2, "batch_size": 32, "embedding_dim": 3, "dtype": "float64", **changes}
    return RunSpec(
        dataset="d",
        method=method,
        variant="paper",
        seeds=(0, 1),
        options={"hidden_dim": 4},
        training=TrainingOptions(**training),
    )


@pytest.fixture
def assembled(table: Table, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(given: Table = table, **changes: Any) -> assembly.Assembly:
        monkeypatch.setattr(assembly, "read_compact", lambda *_: given)
        return assembly.assemble(spec_of(**changes), table="t", manifest="m")

    return run


@pytest.mark.parametrize("seed", [0, 1])
def test_training_shares_no_group_with_validation_and_test(assembled: Any, seed: int) -> None:
    kept, made = assembled().split(seed), assembled(leaks="drop")
    split, groups = made.split(seed), made.table.groups
    assert len(kept.left_out) == 0 < len(split.left_out)
    assert sorted([*split.train, *split.left_out]) == kept.train.tolist()
    assert np.array_equal(split.valid, kept.valid) and np.array_equal(split.test, kept.test)
    judged = {*groups[split.valid], *groups[split.test]} - {-1}
    assert not judged & {*groups[split.train]}
    assert {*groups[split.left_out]} <= judged
    unread, tested = groups[split.valid_left_out], {*groups[split.test]} - {-1}
    assert len(kept.valid_left_out) == 0 < len(unread) and {*unread} <= tested
    assert not tested & {*groups[np.setdiff1d(split.valid, split.valid_left_out)]}
    rows = np.flatnonzero(made.table.source == 2)
    assert np.array_equal(np.intersect1d(split.test, rows), rows[-40:])  # a given split stays


@pytest.mark.parametrize("part", ["left_out", "valid_left_out"])
def test_what_was_left_out_is_counted_by_seed_and_source(assembled: Any, part: str) -> None:
    assert assembled().left_out(part) == {}
    made = assembled(leaks="drop")
    found = made.left_out(part)
    assert found.keys() == {0, 1} and found[0] != found[1]
    for seed, counts in found.items():
        sources = made.table.source[getattr(made.split(seed), part)]
        assert counts == {name: int((sources == n).sum()) for n, name in enumerate(NAMES)}
    assert assembled(leaks="control").left_out(part) == found


@pytest.mark.parametrize("seed", [0, 1])
def test_the_control_leaves_out_other_rows(assembled: Any, seed: int) -> None:
    kept, dropped, split = (assembled(leaks=how).split(seed) for how in ("keep", "drop", "control"))
    for part in ("left_out", "valid_left_out"):
        rows, leaks = getattr(split, part), getattr(dropped, part)
        assert len(rows) == len(set(rows.tolist())) == len(leaks) > 0
        assert not {*rows} & {*leaks}
    assert sorted([*split.train, *split.left_out]) == kept.train.tolist()
    assert {*dropped.left_out} <= {*split.train} and {*split.valid_left_out} <= {*split.valid}
    assert np.array_equal(split.valid, kept.valid) and np.array_equal(split.test, kept.test)
    again = assembled(leaks="control")
    assert np.array_equal(again.split(seed).left_out, split.left_out)
    assert not np.array_equal(again.split(seed + 1).left_out, split.left_out)


def test_a_control_needs_other_rows(table: Table, assembled: Any) -> None:
    groups = table.groups.copy()
    groups[200:360] = groups[399]  # most rows of b
    with pytest.raises(DataError, match="source 'b': .* rows of a part are leaks, more than the "):
        assembled(replace(table, groups=groups), leaks="control")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_share_of_the_training_rows_is_part_of_a_larger_one(assembled: Any, seed: int) -> None:
    half, tenth, whole = (assembled(train_share=share).split(seed) for share in (0.5, 0.1, 1.0))
    source = assembled().table.source
    for split, share in ((half, 60), (tenth, 12), (whole, 120)):  # of the 120 of each source
        assert np.bincount(source[split.train]).tolist() == [share] * 3
        assert np.array_equal(split.valid, whole.valid) and np.array_equal(split.test, whole.test)
    assert {*tenth.train} < {*half.train} < {*whole.train}
    assert whole.train.tolist() == assembled().split(seed).train.tolist()
    other = assembled(train_share=0.1).split(1 - seed)
    assert not np.array_equal(np.intersect1d(tenth.train, whole.train), other.train)


def test_a_share_trains_in_fewer_steps_and_is_in_the_record(assembled: Any) -> None:
    steps = {}
    for share in (1.0, 0.1):
        split = assembled(train_share=share).split(0)
        steps[share] = Batches([split.train], [Member(0, (0, 1, 2))], 32).per_epoch
    assert steps == {1.0: 360 // 32, 0.1: 36 // 32}
    told = [spec_of(train_share=s).model_dump(mode="json")["training"] for s in (1.0, 0.1)]
    assert [own.get("train_share") for own in told] == [None, 0.1]


def plain(table: Table) -> Table:
    """The same rows with all labels, of one source."""
    tasks = tuple(TaskSummary(name=name, rule="") for name in NAMES)
    told = {"tasks": tasks, "sources": (), "fixed_sources": (), "source_sizes": {}}
    labels = np.random.default_rng(0).integers(0, 2, (ROWS, 3)).astype(np.float32)
    return replace(
        table, labels=labels, source=None, manifest=table.manifest.model_copy(update=told)
    )


@pytest.mark.parametrize("method", ["share_bottom", "single_task"])
@pytest.mark.parametrize("leaks", ["drop", "control"])
@pytest.mark.parametrize("sources", [True, False])
def test_labels_that_are_left_out_of_validation_are_not_read(
    table: Table, monkeypatch: pytest.MonkeyPatch, method: str, leaks: str, sources: bool
) -> None:
    given = table if sources else plain(table)
    monkeypatch.setattr(assembly, "read_compact", lambda *_: given)
    spec = spec_of(method, leaks=leaks).model_copy(update={"seeds": (1,)})
    first = train(spec, Job("t", "m"))
    split = assembly.assemble(spec, table="t", manifest="m").split(1)
    for rows, matters in ((split.valid_left_out, False), (split.valid, True)):
        labels = given.labels.copy()
        labels[rows] = 1 - labels[rows]
        other = replace(given, labels=labels)
        monkeypatch.setattr(assembly, "read_compact", lambda *_, table=other: table)
        found = train(spec, Job("t", "m"))
        same = found.metrics.equals(first.metrics) and found.record.fits == first.record.fits
        assert same is not matters


@pytest.mark.parametrize("method", ["share_bottom", "single_task"])
@pytest.mark.parametrize("mixing", ["proportional", "round_robin", "balanced"])
def test_a_seed_is_the_same_alone(
    table: Table, monkeypatch: pytest.MonkeyPatch, method: str, mixing: str
) -> None:
    monkeypatch.setattr(assembly, "read_compact", lambda *_: table)
    spec = spec_of(method, leaks="drop", mixing=mixing)
    together, apart = (train(spec, Job("t", "m", at_once=n)) for n in (2, 1))
    np.testing.assert_allclose(together.metrics.value, apart.metrics.value, rtol=0, atol=1e-12)
    told = together.record.to_json()
    again = RunRecord.of(told, "run.json")
    assert again.left_out == together.record.left_out
    assert again.valid_left_out == together.record.valid_left_out != {}
    assert told["spec"]["training"]["leaks"] == "drop"
    kept = train(spec_of(method, mixing=mixing), Job("t", "m"))
    assert not {"left_out", "valid_left_out"} & kept.record.to_json().keys()
    assert "leaks" not in kept.record.to_json()["spec"]["training"]
    losses = [record.fits[0].train_loss for record in (kept.record, together.record)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("leaks", ["keep", "drop"])
def test_subsets_of_tasks_tell_their_rows_and_what_was_left_out(
    table: Table, monkeypatch: pytest.MonkeyPatch, leaks: str
) -> None:
    monkeypatch.setattr(assembly, "read_compact", lambda *_: table)
    spec = spec_of(leaks=leaks).model_dump()
    subsets = (("a",), ("b", "c"), NAMES)
    record = train_subsets(
        SubsetsSpec(**{**spec, "name": "some", "subsets": subsets}), Job("t", "m")
    ).scores.record
    run = train(spec_of(leaks=leaks), Job("t", "m")).record
    assert (record.left_out, record.valid_left_out) == (run.left_out, run.valid_left_out)
    assert bool(record.left_out) is (leaks == "drop")
    for seed in (0, 1):
        gone = record.left_out.get(seed, dict.fromkeys(NAMES, 0))
        own = {name: SIZES["train"] - gone[name] for name in NAMES}
        expected = {"+".join(subset): sum(own[name] for name in subset) for subset in subsets}
        assert record.rows[seed] == expected


def test_an_epoch_keeps_its_steps(assembled: Any) -> None:
    rows, gone = np.arange(70), np.arange(70, 100)
    members = [Member(0, (0,)), Member(1, (0,))]
    batches = Batches([rows, np.arange(100)], members, 25, left_out=[gone, gone[:0]])
    assert batches.per_epoch == 4
    drawn = np.concatenate([next(batches).numpy() for _ in range(4)], axis=1)
    counts = np.bincount(drawn[0], minlength=100)
    assert set(counts[:70]) == {1, 2} and counts[70:].sum() == 0
    assert sorted(drawn[1]) == list(range(100))


def test_leaks_can_be_dropped_of_datasets_with_groups_only(table: Table, assembled: Any) -> None:
    without = replace(table, groups=None)
    assert assembled(without).left_out("left_out") == {}
    for how in ("drop", "control"):
        with pytest.raises(ConfigError, match=f"leaks: '{how}', but the dataset has no groups"):
            assembled(without, leaks=how)


def test_nothing_left_to_train_on_is_refused(table: Table, assembled: Any) -> None:
    groups = np.where(table.source == 0, 7, table.groups).astype(np.int32)
    with pytest.raises(DataError, match="label a has no labelled row in the train part"):
        assembled(replace(table, groups=groups), leaks="drop")
