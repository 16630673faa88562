"""Inputs of every kind: each against plain torch, together, per task, alone and in company."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mtnas import methods
from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.data.prepare.manifest import InputLayout, Number
from mtnas.data.prepare.store import Inputs
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.search.strategies import searcher
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.data import Split
from mtnas.training.fit import fit
from mtnas.training.inputs import MixedInputs
from mtnas.training.trainer import Trainer
from tests.helpers.ensembles import small_ensemble, small_options
from tests.helpers.inputs import FEATURES, LAYOUTS, NUM_IDS, ROWS, mixed
from tests.helpers.stops import to_the_end

E = 3  # embedding dimension of small ensembles
TRAIN = np.arange(ROWS * 4 // 6)
SPLIT = Split(TRAIN, *np.split(np.arange(len(TRAIN), ROWS), 2))
TRAINING = TrainingOptions(
    epochs=3, batch_size=64, embedding_dim=E, learning_rate=0.02, dtype="float64"
)
KINDS = pytest.mark.parametrize("kind", LAYOUTS)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def expected_input(data, rows, table_NE, train=TRAIN):
    """Return what a model reads, by plain torch: embeddings, numbers, features."""
    inputs, layout = data.inputs, data.inputs.layout
    ids, parts, first = inputs.ids[rows].long(), [], layout.singles
    parts += [functional.embedding(ids[:, c], table_NE) for c in range(first)]
    for bag in layout.bags:
        own = ids[:, first : first + bag.length]
        parts.append(
            functional.embedding_bag(own, table_NE, mode="mean", padding_idx=len(table_NE) - 1)
        )
        first += bag.length
    numbers, missing = [], []
    for d, number in enumerate(layout.numbers):
        x = inputs.numbers[:, d].double().numpy()
        if number.standardized:
            x = (x - np.nanmean(x[train])) / np.nanstd(x[train])
        numbers.append(torch.from_numpy(np.nan_to_num(x)[rows]).unsqueeze(1))
        if number.has_missing:
            missing.append(inputs.numbers[rows, d].isnan().double().unsqueeze(1))
    parts += numbers + missing
    for block, (own, matrix) in zip(layout.features, inputs.features, strict=True):
        absent = (own[rows] < 0).unsqueeze(1)
        parts.append(torch.where(absent, 0, matrix[own[rows]].double()))
        if block.has_missing:
            parts.append(absent.double())
    return torch.cat(parts, 1)


def trained_on(name, seeds, data, **options):
    ensemble = small_ensemble(name, seeds, data, **options)
    splits = [SPLIT] * len(ensemble)
    ensemble.standardize(data.inputs, [split.train for split in splits])
    return ensemble, splits


@KINDS
def test_a_model_reads_what_plain_torch_reads(kind):
    data, rows = mixed(kind), np.arange(0, ROWS, 7)
    ensemble, _ = trained_on("share_bottom", [0, 1], data)

    x_MBD = ensemble.encoded(data.inputs, torch.from_numpy(np.stack([rows, rows[::-1].copy()])))

    for m, own in enumerate((rows, rows[::-1])):
        expected = expected_input(data, own.copy(), ensemble.table_MNE[m])
        torch.testing.assert_close(x_MBD[m], expected, rtol=0, atol=1e-12)
    assert x_MBD.shape[-1] == ensemble.template.encoder.output_dim
    assert len(x_MBD.isnan().nonzero()) == 0


@KINDS
def test_steps_equal_those_of_plain_torch(kind):
    """Gradients of pooled rows and decay of all of them included."""
    data = mixed(kind)
    ensemble, _ = trained_on("mmoe", [5], data)
    method = methods.load("mmoe")
    encoder = Encoder.of_numbers(ensemble.template.encoder.output_dim)
    model = Model(method, small_options(method), encoder=encoder, num_tasks=2).double()
    model.load_state_dict({name: p[0].clone() for name, p in ensemble.params.items()})
    table = ensemble.table_MNE[0].clone().requires_grad_()
    weights = [*model.parameters(), *([table] if data.num_rows else [])]
    adam = torch.optim.Adam(weights, lr=0.02, weight_decay=TRAINING.weight_decay)
    trainer = Trainer(ensemble, data, TRAINING)

    for rows in torch.from_numpy(np.random.default_rng(0).permutation(TRAIN)).split(50):
        logit_BT = model(expected_input(data, rows.numpy(), table))
        loss = functional.binary_cross_entropy_with_logits(
            logit_BT, data.labels[rows].double(), reduction="none"
        )
        adam.zero_grad()
        loss.mean(0).sum().backward()
        adam.step()
        assert trainer.step(rows.unsqueeze(0)).item() == pytest.approx(loss.mean(0).sum().item())
    trainer.table_optimizer.settle()

    for name, parameter in model.named_parameters():
        torch.testing.assert_close(ensemble.params[name][0], parameter.data, rtol=0, atol=1e-7)
    torch.testing.assert_close(ensemble.table_MNE[0], table.data, rtol=0, atol=1e-6)


def test_rows_that_fill_up_a_bag_get_no_gradient():
    data = mixed("bags")
    ensemble, _ = trained_on("share_bottom", [0], data)
    start = ensemble.table_MNE.clone()
    trainer = Trainer(ensemble, data, TRAINING.model_copy(update={"weight_decay": 0.0}))
    for rows in torch.from_numpy(TRAIN).split(64):
        trainer.step(rows.unsqueeze(0))
    trainer.table_optimizer.settle()

    assert start.shape == (1, NUM_IDS + 1, E)
    assert torch.equal(ensemble.table_MNE[0, NUM_IDS], start[0, NUM_IDS])
    assert (ensemble.table_MNE[0, :NUM_IDS] != start[0, :NUM_IDS]).all()


def column(values, **kind):
    number = Number(name="x", **{"standardized": True, "has_missing": True, **kind})
    numbers = torch.tensor(values, dtype=torch.float32).unsqueeze(1)
    layout = InputLayout(singles=0, numbers=(number,))
    return MixedInputs(layout, torch.empty(len(values), 0, dtype=torch.int32), numbers)


@pytest.mark.parametrize(
    ("values", "kind", "mean", "spread"),
    [
        ([1, 2, 3, 6, 99], {}, 3, 3.5**0.5),  # of the population; the last row is no training row
        ([1, np.nan, 3, np.nan, 99], {}, 2, 1),
        ([0.1, 0.1, 0.1, 0.1, 7], {}, float(np.float32(0.1)), np.inf),
        ([np.nan, np.nan, np.nan, np.nan, 7], {}, 0, np.inf),
        ([1e8, 1e8 + 8, 1e8, 1e8 + 8, 0], {}, 1e8 + 4, 4),
        ([1, 2, 3, 6, 99], {"standardized": False}, 0, 1),
    ],
)
def test_numbers_are_standardised_by_the_training_rows(values, kind, mean, spread):
    inputs = column(values, **kind)
    scale = inputs.scale_of([np.arange(4), np.arange(4)])
    assert scale.mean_MD.flatten().tolist() == pytest.approx([mean, mean], rel=1e-12)
    assert scale.spread_MD.flatten().tolist() == pytest.approx([spread, spread], rel=1e-12)


@pytest.mark.parametrize("known", [0.1, np.nan])
def test_a_number_that_does_not_vary_in_training_is_0_in_all_rows(known):
    """Whatever it is elsewhere, the network has never seen: it must not come in raw."""
    inputs = column([known, known, known, known, 7e9, -3])
    scale = inputs.scale_of([np.arange(4)])
    read, missing = inputs.plain(torch.arange(6)[None], scale, torch.float32)
    assert read.flatten().tolist() == [0.0] * 6
    assert missing.flatten().tolist() == [float(np.isnan(known))] * 4 + [0.0] * 2


def test_members_have_the_scale_of_their_own_rows():
    data = mixed("numbers")
    splits = [SPLIT, Split(np.arange(200, 600), SPLIT.valid, SPLIT.test)]
    ensemble = small_ensemble("share_bottom", [0, 1], data)
    ensemble.standardize(data.inputs, [split.train for split in splits])
    rows = torch.arange(600).repeat(2, 1)

    x_MBD = ensemble.encoded(data.inputs, rows)

    for m, split in enumerate(splits):
        expected = expected_input(data, np.arange(600), None, train=split.train)
        torch.testing.assert_close(x_MBD[m], expected, rtol=0, atol=1e-12)
    assert not torch.isclose(x_MBD[0, :, 1], x_MBD[1, :, 1]).any()
    assert torch.equal(x_MBD[0, :, 2:], x_MBD[1, :, 2:])


def fitted(name, seeds, data, checkpoint=None, training=TRAINING, **options):
    ensemble = small_ensemble(name, seeds, data, **options)
    result = fit(ensemble, data, [SPLIT] * len(ensemble), training, checkpoint)
    return result, {name: tensor.clone() for name, tensor in ensemble.state().items()}


@KINDS
@pytest.mark.parametrize("method", ["single_task", "mmoe", "snr_trans"])
def test_a_seed_is_the_same_alone_and_in_company(kind, method):
    data = mixed(kind)
    together, weights = fitted(method, [3, 1, 4], data)
    alone, own = fitted(method, [1], data)
    mine = slice(len(own["embedding"]), 2 * len(own["embedding"]))
    assert alone.best_epochs == together.best_epochs[mine]
    for name, tensor in own.items():
        torch.testing.assert_close(tensor, weights[name][mine], rtol=0, atol=1e-12)


@KINDS
def test_every_kind_of_input_is_learned_from(kind):
    longer = TRAINING.model_copy(update={"epochs": 12, "patience": 12, "weight_decay": 0.0})
    result, _ = fitted("share_bottom", [0], mixed(kind), training=longer)
    assert result.train_loss[-1][0] < result.train_loss[0][0] - 0.1


@pytest.mark.parametrize("stops", [[1], [5, 7]])
@pytest.mark.parametrize("options", [{}, {"embedding_per_task": True}])
def test_training_goes_on_to_the_same_numbers(stops, options, tmp_path):
    data, training = mixed(), TRAINING.model_copy(update={"dtype": "float32", **options})
    options = {"dtype": "float32", **options}
    expected, weights = fitted("mmoe", [0, 1], data, training=training, **options)
    path = tmp_path / "0-1.safetensors"

    result, state = to_the_end(
        stops, lambda: fitted("mmoe", [0, 1], data, Checkpoint(path), training, **options)
    )

    assert result.valid_losses == expected.valid_losses
    assert state.keys() == weights.keys()
    assert all(torch.equal(state[name], weights[name]) for name in weights)


@pytest.mark.parametrize("kind", ["bags", "mixed"])
def test_tables_per_task_are_those_of_one_task_each(kind):
    data = mixed(kind)
    one, _ = trained_on("mmoe", [0, 7], data)
    own, _ = trained_on("mmoe", [0, 7], data, embedding_per_task=True)
    index_MB = torch.arange(50).repeat(2, 1)

    def logits(ensemble):
        return ensemble.logits(ensemble.encoded(data.inputs, index_MB))

    tables = own.table_MNE.view(*one.table_MNE.shape, 2)
    tables.copy_(one.table_MNE.unsqueeze(-1))
    same = logits(one)
    torch.testing.assert_close(logits(own), same, rtol=0, atol=1e-12)
    tables[..., 1] += 0.1
    torch.testing.assert_close(logits(own)[..., 0], same[..., 0], rtol=0, atol=1e-12)
    assert not torch.isclose(logits(own)[..., 1], same[..., 1]).any()


def assert_same_route(one, other):
    """Routes are equal: choices exactly, numbers up to rounding, which differs among processors."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same_route(one[key], other[key])
    elif isinstance(one, float | list) and np.array(one).dtype.kind == "f":
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    else:
        assert one == other


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strategy": "differentiable"},
        {"strategy": "random_search", "candidates": 3},
        {"strategy": "random_search", "judge": "training", "candidates": 2},
    ],
)
def test_a_search_reads_the_same_inputs(options):
    data = mixed()
    chosen = SearchOptions(**{"steps": 12, "batch_size": 32, "reward": "neg_loss", **options})

    def found(seeds):
        ensemble = small_ensemble("mtnas", seeds, data, num_layers=1, num_subnets=2)
        search = searcher(chosen)(ensemble, data, [SPLIT] * len(seeds), chosen, TRAINING)
        return search.run()

    together, alone = found([3, 1]), found([1])
    assert_same_route(together.routes[1].to_json(), alone.routes[0].to_json())
    for name, tensor in alone.state.items():
        torch.testing.assert_close(tensor[0], together.state[name][1], rtol=0, atol=1e-12)
    ages = data.inputs.numbers[TRAIN, 0].numpy().astype(np.float64)
    assert alone.state["number_mean"][0, 0].item() == pytest.approx(np.nanmean(ages))
    assert alone.state["number_spread"][0, 2].item() == 1


@KINDS
def test_the_width_of_an_input_is_that_of_its_parts(kind):
    parts = {
        "ids": 3 * E, "bags": 2 * E, "numbers": 4, "features": 4 + 2,
        "features and ids": 2 * E + 2, "mixed": 4 * E + 4 + 6,
    }  # fmt: skip
    encoder = Encoder(LAYOUTS[kind], E, num_readers=2)
    assert encoder.output_dim == parts[kind]
    assert encoder.row_dim == (2 * E if LAYOUTS[kind].num_columns else 0)


def test_files_are_mapped_and_not_copied(tmp_path):
    layout = InputLayout(singles=2, numbers=column([1.0]).layout.numbers, features=FEATURES[1:])
    arrays = {
        "ids": np.zeros((9, 2), np.int32),
        "numbers": np.zeros((9, 1), np.float32),
        "rows": np.zeros(9, np.int32),
        "matrix": np.zeros((5, 2), np.float32),
    }
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    maps = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="c") for name in arrays}

    inputs = MixedInputs.of(
        Inputs(layout, maps["ids"], maps["numbers"], ((maps["rows"], maps["matrix"]),))
    )

    read = (inputs.ids, inputs.numbers, *inputs.features[0])
    for tensor, array in zip(read, maps.values(), strict=True):
        assert tensor.data_ptr() == array.ctypes.data
