"""The leak check: planted leaks are named, honest tables are not, and scores are what they are."""

from time import perf_counter

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score, roc_auc_score

from mtnas.data.prepare.manifest import Bag, FeatureBlock, InputLayout, Number, TaskSummary
from mtnas.data.prepare.store import Inputs, read_compact
from mtnas.evidence.leaks import find, find_leaks
from mtnas.evidence.leaks.alone import MOST_CLASSES, SMOOTHING, auc, score_alone
from mtnas.evidence.leaks.columns import Column, arranged
from mtnas.evidence.leaks.repeats import equal_fields, share_met
from mtnas.tasks import scores
from tests.helpers.tables import write_table

ROWS = 4000
TRAIN, VALID = np.arange(0, 3000), np.arange(3000, 4000)
KINDS = {
    "late": TaskSummary(name="late", rule="delay > 15"),
    "mood": TaskSummary(name="mood", rule="mood", kind="multiclass", classes=("a", "b", "c")),
    "delay": TaskSummary(name="delay", rule="delay", kind="regression"),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def ids(values, name="f"):
    codes = np.unique(values, return_inverse=True)[1].astype(np.int32)
    return Column(name, codes[:, None], int(codes.max()) + 1)


def number(values, name="f"):
    values = np.asarray(values, np.float32)
    layout = InputLayout(
        singles=0, numbers=(Number(name=name, standardized=True, has_missing=True),)
    )
    train = np.arange(len(values)) < len(TRAIN)
    inputs = Inputs(layout, np.empty((ROWS, 0), np.int32), values[:, None])
    (column,) = arranged([name], inputs, 0, train)
    return column


def labels_of(kind, rng):
    if kind == "late":
        return rng.integers(0, 2, ROWS).astype(np.float32)
    if kind == "mood":
        return rng.integers(0, 3, ROWS).astype(np.float32)
    return np.exp(rng.normal(0, 2, ROWS)).astype(np.float32)  # few bins fit a tail as long


@pytest.mark.parametrize("kind", ["late", "mood", "delay"])
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_a_copy_of_a_label_tells_it_and_noise_does_not(kind, missing, rng):
    label = labels_of(kind, rng)
    copy = number(3 * label - 1)
    noise = ids(rng.integers(0, 50, ROWS))
    label[rng.random(ROWS) < missing] = np.nan

    assert score_alone(copy, KINDS[kind], label, TRAIN, VALID) > 0.99
    noise_score = score_alone(noise, KINDS[kind], label, TRAIN, VALID)
    assert noise_score < (0.1 if kind == "delay" else 0.6)


def test_the_auc_of_an_id_is_that_of_its_smoothed_mean(rng):
    values, label = rng.integers(0, 40, ROWS), labels_of("late", rng)
    label[rng.random(ROWS) < 0.3] = np.nan
    train = TRAIN[~np.isnan(label[TRAIN])]
    valid = VALID[~np.isnan(label[VALID])]
    prior = label[train].mean()
    means = {}
    for value in range(40):
        of = label[train][values[train] == value]
        means[value] = (of.sum() + SMOOTHING * prior) / (len(of) + SMOOTHING)
    expected = roc_auc_score(label[valid], [means[value] for value in values[valid]])

    found = score_alone(ids(values), KINDS["late"], label, TRAIN, VALID)

    assert found == pytest.approx(expected, abs=1e-12)


def test_r2_is_that_of_the_smoothed_mean(rng):
    values = rng.integers(0, 10, ROWS)
    label = (values + rng.normal(0, 1, ROWS)).astype(np.float32)
    prior = label[TRAIN].mean(dtype=float)
    told = [
        (label[TRAIN][values[TRAIN] == v].sum(dtype=float) + prior)
        / ((values[TRAIN] == v).sum() + 1)
        for v in values[VALID]
    ]
    found = score_alone(ids(values), KINDS["delay"], label, TRAIN, VALID)
    assert found == pytest.approx(r2_score(label[VALID], told), abs=1e-6)


def test_auc_agrees_with_that_of_training(rng):
    told, positive = rng.integers(0, 9, 500).astype(float), rng.random(500) < 0.3
    expected = scores.auc(torch.tensor(told), torch.tensor(positive))
    assert auc(told, positive) == pytest.approx(float(expected), abs=1e-12)
    assert auc(told, np.ones(500, bool)) is None


def test_a_list_tells_by_the_mean_of_its_entries(rng):
    num_ids, length = 30, 5
    lengths = rng.integers(1, length + 1, ROWS)
    bags = rng.integers(1, num_ids, (ROWS, length)).astype(np.int32)
    label = (rng.random(ROWS) < 0.2).astype(np.float32)
    bags[:, 0] = np.where(label == 1, 0, bags[:, 0])  # entry 0 gives the label away
    bags[np.arange(length) >= lengths[:, None]] = num_ids
    layout = InputLayout(singles=1, bags=(Bag(name="tags", length=length),))
    both = np.concatenate([rng.integers(0, num_ids, (ROWS, 1)).astype(np.int32), bags], axis=1)

    who, tags = arranged(["tags", "who"], Inputs(layout, both), num_ids, np.ones(ROWS, bool))

    assert (who.name, tags.name) == ("who", "tags")
    assert score_alone(tags, KINDS["late"], label, TRAIN, VALID) > 0.9
    assert score_alone(who, KINDS["late"], label, TRAIN, VALID) < 0.6


def test_a_row_of_a_matrix_tells_as_an_id_does(rng):
    label = labels_of("late", rng)
    places = np.where(label == 1, 7, -1).astype(np.int32)
    layout = InputLayout(
        singles=0, features=(FeatureBlock(name="cover", width=2, has_missing=True),)
    )
    matrix = np.zeros((8, 2), np.float32)
    inputs = Inputs(layout, np.empty((ROWS, 0), np.int32), features=((places, matrix),))
    (cover,) = arranged(["cover"], inputs, 0, np.ones(ROWS, bool))
    assert score_alone(cover, KINDS["late"], label, TRAIN, VALID) == 1


@pytest.mark.parametrize("most", [0.0, 1.0])
def test_a_number_that_is_mostly_one_value_still_tells(most, rng):
    label = (rng.random(ROWS) < 0.02).astype(np.float32)
    values = np.where(label == 1, 0.5, most)
    assert score_alone(number(values), KINDS["late"], label, TRAIN, VALID) == 1


def test_that_a_number_is_missing_may_tell(rng):
    label = labels_of("late", rng)
    values = np.where(label == 1, np.nan, rng.normal(0, 1, ROWS))
    assert score_alone(number(values), KINDS["late"], label, TRAIN, VALID) == 1
    all_missing = number(np.full(ROWS, np.nan))
    assert score_alone(all_missing, KINDS["late"], label, TRAIN, VALID) == 0.5
    assert score_alone(all_missing, KINDS["delay"], label, TRAIN, VALID) < 0.01


def test_where_nothing_can_be_measured_there_is_no_score(rng):
    column, label = ids(rng.integers(0, 5, ROWS)), labels_of("late", rng)
    one_class, unlabelled = label.copy(), label.copy()
    one_class[VALID] = 1
    unlabelled[TRAIN] = np.nan
    for changed in (one_class, unlabelled):
        assert score_alone(column, KINDS["late"], changed, TRAIN, VALID) is None
    assert score_alone(column, KINDS["delay"], one_class, TRAIN, VALID) is None


def test_of_many_classes_the_most_frequent_count(rng):
    label = np.minimum(rng.geometric(0.08, ROWS) - 1, 60).astype(np.float32)
    task = TaskSummary(name="m", rule="m", kind="multiclass", classes=tuple(map(str, range(61))))
    frequent = np.where(label < MOST_CLASSES - 5, label, -1)
    assert score_alone(ids(frequent), task, label, TRAIN, VALID) > 0.85


@pytest.mark.parametrize("test_rows", [0, 1])
def test_test_rows_are_never_looked_at(tmp_path, rng, test_rows):
    """They hold labels of another kind of row; what is found must be the same."""
    field, label = rng.integers(0, 9, (300, 2)), rng.integers(0, 2, (300, 1))
    split = np.repeat(np.array([0, 1, 2], np.int8), [200, 50, 50])
    field[split == 2] = test_rows
    label[split == 2] = test_rows
    files = write_table(
        tmp_path / "t.parquet", field.astype(np.int32), label.astype(np.int8), split
    )
    field[split == 2], label[split == 2] = 0, 0
    other = write_table(
        tmp_path / "u.parquet", field.astype(np.int32), label.astype(np.int8), split
    )
    assert find_leaks(read_compact(**_named(files))) == find_leaks(read_compact(**_named(other)))


def _named(files):
    return {"parquet": files["table"], "manifest": files["manifest"]}


def test_warnings_name_field_task_and_score(tmp_path, rng):
    late = rng.integers(0, 2, 500)
    field = np.stack([late * 3, rng.integers(0, 9, 500), rng.permutation(500), late + 5], axis=1)
    label = np.stack([late, 1 - late, rng.integers(0, 2, 500)], axis=1)
    split = rng.permutation(np.repeat(np.array([0, 1, 2], np.int8), [300, 100, 100]))
    files = write_table(
        tmp_path / "t.parquet", field.astype(np.int32), label.astype(np.int8), split
    )

    found = find_leaks(read_compact(**_named(files)))

    assert found.warnings == (
        "field 'f0' alone tells 't0' (AUC 1.000): is it known before the label is?",
        "field 'f0' alone tells 't1' (AUC 1.000): is it known before the label is?",
        "field 'f3' alone tells 't0' (AUC 1.000): is it known before the label is?",
        "field 'f3' alone tells 't1' (AUC 1.000): is it known before the label is?",
        "fields 'f0' and 'f3' hold the same up to renaming: one of them is enough",
        "tasks 't0' and 't1' have opposite labels in all 400 rows that have both: they are one "
        "task",
    )
    assert set(found.scores) == {"f0", "f1", "f2", "f3"}
    assert found.valid_rows_met == 0


@pytest.mark.parametrize(
    ("first", "second", "kinds", "expected"),
    [
        ([0, 1] * 20, [0, 1] * 20, ("binary", "binary"), "equal"),
        ([0, 1] * 20, [1, 0] * 20, ("binary", "binary"), "opposite"),
        ([0, 1] * 20, [1, 1, 1, 0] * 10, ("binary", "binary"), None),
        ([0, 1, np.nan] * 20, [0, 1, 0] * 20, ("binary", "binary"), "equal"),
        ([0, 1] * 5, [0, 1] * 5, ("binary", "binary"), None),  # too few to tell
        ([1] * 40, [1] * 40, ("binary", "binary"), None),
        ([0, 1, 2] * 20, [2, 0, 1] * 20, ("multiclass", "multiclass"), "equal"),
        ([0, 1, 2] * 20, [0, 1, 1] * 20, ("multiclass", "multiclass"), None),
        ([0, 1, 2, 5] * 20, [0, 2, 4, 10] * 20, ("regression", "regression"), "equal"),
        ([0, 1, 2, 5] * 20, [0, 1, 2, 6] * 20, ("regression", "regression"), None),
        ([0, 1] * 20, [0, 1] * 20, ("binary", "multiclass"), None),
        ([np.nan] * 40, [1, 0] * 20, ("binary", "binary"), None),
    ],
)
def test_tasks_with_one_label_are_found(first, second, kinds, expected):
    tasks = [TaskSummary(name=f"t{i}", rule="", kind=kind) for i, kind in enumerate(kinds)]
    found = find.equal_tasks(tasks, np.array([first, second], np.float32).T)
    assert [("opposite" if pair.opposite else "equal") for pair in found] == (
        [expected] if expected else []
    )


def test_fields_equal_up_to_renaming_are_found(rng):
    one = rng.integers(0, 30, ROWS)
    columns = [
        ids(one, "one"),
        ids((one * 7 + 3) % 31, "renamed"),
        ids(one // 2, "coarser"),
        ids(np.zeros(ROWS), "constant"),
        ids(np.ones(ROWS), "constant, too"),
        ids(np.where(np.arange(ROWS) == ROWS - 1, 31, one), "all but one row"),
        number(one, "number"),
    ]
    assert equal_fields(columns, np.arange(ROWS)) == (("one", "renamed"),)


@pytest.mark.parametrize("met", [0.0, 0.25, 1.0])
def test_validation_rows_with_the_fields_of_a_training_row_are_counted(met, rng):
    pairs = rng.permutation(100 * 100)[:ROWS]
    twins = VALID[: int(met * len(VALID))]
    pairs[twins] = pairs[TRAIN[: len(twins)]]
    columns = [ids(pairs // 100, "a"), ids(pairs % 100, "b")]
    assert share_met(columns, TRAIN, VALID) == met
    numbers = [number(pairs // 100, "a"), number(np.where(pairs % 100, pairs % 100, np.nan), "b")]
    assert share_met(numbers, TRAIN, VALID) == met


def test_a_million_rows_take_seconds(rng):
    rows, fields = 10**6, 4
    labels = (rng.random((rows, 2)) < 0.3).astype(np.float32)
    codes = rng.integers(0, 10**5, (rows, fields)).astype(np.int32)
    columns = [Column(f"f{i}", codes[:, i : i + 1], 10**5 + 1) for i in range(fields)]
    split = rng.permutation(rows)
    train, valid = np.sort(split[:700_000]), np.sort(split[700_000:850_000])
    start = perf_counter()
    for column in columns:
        for task in range(2):
            score_alone(column, KINDS["late"], labels[:, task], train, valid)
    equal_fields(columns, train)
    share_met(columns, train, valid)
    assert perf_counter() - start < 30  # 2 s on two idle cores
