"""Matrices of every task before the shared part, and their control behind it."""

import numpy as np
import pytest
import torch

from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import InputLayout, TaskSummary
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model, outline
from mtnas.training.data import Examples, Split
from mtnas.training.ensemble import Ensemble, Member
from mtnas.training.fit import fit
from mtnas.training.inputs import MixedInputs
from mtnas.training.shared_inputs import input_products
from mtnas.training.trainer import Trainer
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples, split

ALIGNED = ["joint", "frozen"]
SHARED = ["share_bottom", "mmoe", "ple", "snr_trans", "cross_stitch"]
TRAINING = TrainingOptions(
    epochs=4, patience=1, batch_size=64, dtype="float64", embedding_dim=3, learning_rate=0.01
)
LINEAR = {"num_layers": 1, "activation": "none", "match_budget": False}


def outputs(ensemble, data):
    index_MB = torch.arange(50).expand(len(ensemble), -1)
    return ensemble.logits(ensemble.encoded(data.inputs, index_MB))


@pytest.mark.parametrize("per_task", [False, True])
@pytest.mark.parametrize("alignment", [*ALIGNED, "control"])
@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_begins_as_the_model_without_it(name, alignment, per_task, dtype):
    data = examples()
    chosen = {"embedding_per_task": per_task, "dtype": dtype}
    plain = small_ensemble(name, [0, 1], data, **chosen)
    aligned = small_ensemble(name, [0, 1], data, alignment=alignment, **chosen)

    assert torch.equal(outputs(aligned, data), outputs(plain, data))
    assert all(torch.equal(aligned.params[n], p) for n, p in plain.params.items())
    assert aligned.params.keys() > plain.params.keys()


@pytest.mark.parametrize("alignment", ["joint", "control"])
@pytest.mark.parametrize("name", SHARED)
def test_one_seed_alone_equals_that_seed_among_many(name, alignment):
    data = examples()

    def trained(seeds):
        ensemble = small_ensemble(name, seeds, data, alignment=alignment)
        return fit(ensemble, data, [split()] * len(seeds), TRAINING), ensemble

    together, many = trained([3, 1, 4])
    alone, one = trained([1])

    assert alone.best_epochs == together.best_epochs[1:2]
    for name_of, tensor in one.state().items():
        torch.testing.assert_close(tensor[0], many.state()[name_of][1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("alignment", ["joint", "control"])
def test_the_matrices_of_the_tasks_are_learned_and_differ(alignment):
    data = examples()
    ensemble = small_ensemble("share_bottom", [0], data, alignment=alignment)
    fit(ensemble, data, [split()], TRAINING)

    (name,) = {"alignment.offset_TDD", "adapter.outer_TKH"} & ensemble.params.keys()
    first, second = ensemble.params[name][0]
    assert first.abs().sum() > 0
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("dim", "hidden"), [(50, 1), (50, 10), (50, 100), (12, 8), (60, 200)])
@pytest.mark.parametrize("tasks", [2, 6])
def test_the_control_has_as_many_parameters(dim, hidden, tasks):
    method = methods.load("share_bottom")
    options = method.options(hidden_dim=hidden)
    encoder = Encoder.of_numbers(dim)
    counts = {
        alignment: outline(
            method, options, encoder=encoder, num_tasks=tasks, alignment=alignment
        ).num_parameters()
        for alignment in ("none", "joint", "control")
    }
    assert counts["joint"] == counts["none"] + tasks * dim**2
    assert abs(counts["control"] - counts["joint"]) <= 0.02 * counts["joint"]


@pytest.mark.parametrize("name", SHARED)
def test_what_is_frozen_keeps_its_bytes(name):
    data = examples()
    ensemble = small_ensemble(name, [0, 1], data, alignment="frozen", dtype="float32")
    before = {n: t.clone() for n, t in ensemble.state().items()}

    fit(ensemble, data, [split()] * 2, TRAINING, trained=("alignment", "heads"))

    for key, tensor in ensemble.state().items():
        learned = key.startswith(("alignment.", "heads."))
        assert (tensor.numpy().tobytes() == before[key].numpy().tobytes()) is not learned, key


def two_rotated_sources(rotated, rows=120, dim=5):
    """Return one linear task per source; the inputs of the second may be those of another basis."""
    rng = np.random.default_rng(0)
    x, theta = rng.normal(size=(2, rows, dim)), rng.normal(size=dim)
    y = x @ theta / np.linalg.norm(theta) + 0.1 * rng.normal(size=(2, rows))
    if rotated:
        x[1] = x[1] @ np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    labels = np.full((2, rows, 2), np.nan)
    for source in range(2):
        labels[source, :, source] = y[source]
    layout = InputLayout.of_numbers(f"x{i}" for i in range(dim))
    ids = torch.empty(2 * rows, 0, dtype=torch.int32)
    inputs = MixedInputs(layout, ids, torch.from_numpy(x.reshape(-1, dim)))
    tasks = tuple(TaskSummary(name=n, rule="", kind="regression") for n in ("one", "other"))
    return Examples(inputs, torch.from_numpy(labels.reshape(-1, 2)), 0, tasks)


def lowest_loss(data, alignment):
    """Return the mean loss that a shared part of capacity 1 reaches on its training rows."""
    method, rows = methods.load("share_bottom"), np.arange(len(data.labels))
    options = method.options(hidden_dim=1, **LINEAR)
    training = TrainingOptions(
        epochs=250, patience=250, batch_size=len(rows), dtype="float64", learning_rate=0.05,
        weight_decay=0,
    )  # fmt: skip

    def build(member):
        encoder = Encoder(data.inputs.layout)
        return Model(method, options, encoder=encoder, num_tasks=2, alignment=alignment)

    ensemble = Ensemble([Member(0, (0, 1))], build, num_rows=0, options=training)
    result = fit(ensemble, data, [Split(rows, rows, rows)], training)
    return min(sum(losses[0]) / 2 for losses in result.valid_losses)


def test_alignment_finds_a_planted_rotation():
    same, rotated = two_rotated_sources(False), two_rotated_sources(True)
    reached = lowest_loss(same, "none")

    assert reached == pytest.approx(0.01, rel=0.1)  # the noise, which no model explains
    assert lowest_loss(rotated, "joint") == pytest.approx(reached, rel=0.05)
    assert lowest_loss(rotated, "none") > 10 * reached
    assert lowest_loss(rotated, "control") > 10 * reached


def test_the_matrix_of_a_task_is_read_by_no_other():
    data = examples()
    ensemble = small_ensemble("share_bottom", [0], data, alignment="joint")
    before = outputs(ensemble, data)
    ensemble.params["alignment.offset_TDD"][:, 1] += 0.5

    changed = (outputs(ensemble, data) != before).any(1)
    assert changed.tolist() == [[False, True]]


def test_frozen_parts_cost_the_optimiser_no_state():
    data = examples()
    ensemble = small_ensemble("share_bottom", [0], data, alignment="frozen")
    trainer = Trainer(ensemble, data, TRAINING, trained=("alignment", "heads"))
    trainer.step(torch.arange(64).unsqueeze(0))

    moments = trainer.dense_optimizer.first
    moved = {name for name, moment in moments.items() if moment.abs().sum() > 0}
    assert moved == {"alignment.offset_TDD", "heads.weight", "heads.bias"}


@pytest.mark.parametrize("per_task", [False, True])
def test_what_the_shared_part_reads_is_summed_over_the_rows_of_each_task(per_task, monkeypatch):
    monkeypatch.setattr("mtnas.training.shared_inputs.EVALUATION_BATCH", 7)
    data = examples()
    ensemble = small_ensemble(
        "share_bottom", [0, 1], data, alignment="joint", embedding_per_task=per_task
    )
    offset_MTDD = ensemble.params["alignment.offset_TDD"]
    torch.nn.init.normal_(offset_MTDD)
    rows = [[np.arange(40), np.arange(9)], [np.arange(3, 20), np.arange(30, 60)]]

    found = input_products(ensemble, [ensemble.state()], data, rows)

    for m, t in np.ndindex(2, 2):
        index_MB = torch.from_numpy(rows[m][t]).expand(2, -1)
        read_BN = ensemble.encoded(data.inputs, index_MB)[m]
        x = ensemble.template.encoder(read_BN)
        x_BD = x[t] if per_task else x
        z_BD = (x_BD + x_BD @ offset_MTDD[m, t]).double()
        assert found[m, t, 0, 0] == len(rows[m][t])
        torch.testing.assert_close(found[m, t, 0, 1:], z_BD.sum(0), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(found[m, t, 1:, 1:], z_BD.T @ z_BD, rtol=1e-6, atol=1e-6)
