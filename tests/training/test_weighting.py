"""What multiplies the losses of tasks in training, and in training alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import InputLayout, TaskSummary
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.data import Examples, Split
from mtnas.training.ensemble import Ensemble, Member
from mtnas.training.fit import fit
from mtnas.training.inputs import MixedInputs
from mtnas.training.trainer import Trainer
from mtnas.training.weighting import Uncertainty
from mtnas.transfer.linear import heads, shared_x_optimum
from tests.helpers.ensembles import small_ensemble
from tests.helpers.stops import to_the_end
from tests.helpers.synthetic import examples, split

TRAINING = TrainingOptions(
    epochs=3, patience=2, batch_size=64, dtype="float64", embedding_dim=3, learning_rate=0.02
)
LEARNED = TRAINING.model_copy(update={"weighting": "uncertainty"})
LINEAR = {"num_layers": 1, "activation": "none", "match_budget": False}


def dense(x_ND, y_NK, kind="regression"):
    """Return examples of numbers, with tasks of squared loss."""
    layout = InputLayout.of_numbers(f"x{i}" for i in range(x_ND.shape[1]))
    inputs = MixedInputs(layout, torch.empty(len(x_ND), 0, dtype=torch.int32), torch.tensor(x_ND))
    tasks = tuple(TaskSummary(name=f"t{t}", rule="", kind=kind) for t in range(y_NK.shape[1]))
    return Examples(inputs, torch.tensor(y_NK), 0, tasks)


def linear(data, capacity, training, **member):
    """Train f = sum_i w_i |X B A_i - y_i|^2 / N by full batches; return the result and ensemble."""
    num, method = len(data.tasks), methods.load("share_bottom")
    options = method.options(hidden_dim=capacity, **LINEAR)

    def build(member):
        encoder = Encoder(data.inputs.layout)
        return Model(method, options, encoder=encoder, num_tasks=num)

    rows = np.arange(len(data.labels))
    members = [Member(0, tuple(range(num)), **member)]
    ensemble = Ensemble(members, build, num_rows=0, options=training)
    return fit(ensemble, data, [Split(rows, rows, rows)], training)


def standardised(rng, *shape):
    drawn = rng.normal(size=shape)
    return (drawn - drawn.mean(0)) / drawn.std(0)


@pytest.mark.parametrize("where", ["declared", "member"])
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.3, 2.0, 0.7)])
def test_training_reaches_the_closed_form_of_proposition_3(weights, where):
    rng = np.random.default_rng(0)
    x_ND = standardised(rng, 60, 5)
    y_NK = x_ND @ rng.normal(size=(5, 3)) + standardised(rng, 60, 3)
    y_NK = (y_NK - y_NK.mean(0)) / y_NK.std(0)  # so biases are 0 in the optimum
    b_DR = shared_x_optimum(x_ND, y_NK, 2, weights)
    errors = (x_ND @ b_DR @ heads(x_ND, b_DR, y_NK).T - y_NK) ** 2
    lowest = float(errors.mean(0) @ weights)

    given = {"loss_weights": weights}
    training = TrainingOptions(
        epochs=500, patience=500, batch_size=60, dtype="float64", learning_rate=0.02,
        weight_decay=0, **(given if where == "declared" else {}),
    )  # fmt: skip
    result = linear(dense(x_ND, y_NK), 2, training, **(given if where == "member" else {}))
    reached = min(float(np.dot(losses[0], weights)) for losses in result.valid_losses)

    assert reached == pytest.approx(lowest, rel=1e-4)
    assert reached >= lowest * (1 - 1e-9)


def test_learned_weights_tend_to_one_over_the_variance_that_is_left():
    rng = np.random.default_rng(1)
    x_ND = standardised(rng, 400, 3)
    signal_N, noise_NK = x_ND @ [1.0, 0.5, -0.5], standardised(rng, 400, 2) * [0.3, 0.9]
    data = dense(x_ND, signal_N[:, None] + noise_NK, kind="drawn")
    training = TrainingOptions(
        epochs=500, patience=500, batch_size=400, dtype="float64", learning_rate=0.02,
        weight_decay=0.0, weighting="uncertainty",
    )  # fmt: skip
    result = linear(data, 1, training)

    weights, losses = np.array(result.weights[-1][0]), np.array(result.valid_losses[-1][0])
    np.testing.assert_allclose(weights, 1 / losses, rtol=0.02)
    assert weights[0] / weights[1] == pytest.approx(0.9**2 / 0.3**2, rel=0.05)


def test_classes_and_numbers_have_the_forms_of_the_source():
    data = examples(tasks=2)
    ensemble = small_ensemble("share_bottom", [0, 1], data)
    index_MB = torch.arange(64).expand(2, -1)
    plain = Trainer(ensemble, data, TRAINING).step_by_task(index_MB)
    numbers = tuple(task.model_copy(update={"kind": "drawn"}) for task in data.tasks)
    of_numbers = replace(data, tasks=numbers)
    again = [small_ensemble("share_bottom", [0, 1], data) for _ in range(3)]

    def descended(ensemble, data):
        x_MBD = ensemble.encoded(data.inputs, index_MB)
        return Trainer(ensemble, data, LEARNED).losses(index_MB, ensemble.logits(x_MBD))[0]

    torch.testing.assert_close(descended(again[0], data), plain)
    squared = Trainer(again[1], of_numbers, TRAINING).step_by_task(index_MB)
    torch.testing.assert_close(descended(again[2], of_numbers), squared / 2)


def of_two_sources(data, cut):
    """Return two tasks of pure noise, each with labels in rows where the other has none."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (len(data.labels), 2)).astype("float32")
    labels[cut:, 0] = labels[:cut, 1] = np.nan
    return replace(data, labels=torch.from_numpy(labels))


@pytest.mark.parametrize("every", [2, 10])
def test_a_learned_weight_does_not_depend_on_how_rarely_a_task_comes(every):
    """Batches of one source each; a task has a loss of log 2 wherever it has labels."""
    weighting = Uncertainty(
        small_ensemble("share_bottom", [0], examples()), ["binary"] * 2, [0.005]
    )
    for number in range(1500):
        present_MT = torch.tensor([[number % every == 0, number % every != 0]])
        loss_MT = np.log(2) * present_MT.double()
        total = weighting(loss_MT, present_MT).sum()
        weighting.step(torch.autograd.grad(total, list(weighting.learned)))

    expected = 1 / (2 * np.log(2))
    assert weighting.now[0].tolist() == pytest.approx([expected] * 2, rel=0.05)


def test_a_task_without_labels_in_a_batch_leaves_its_weight_and_its_moments_alone():
    data = of_two_sources(examples(tasks=2), 200)
    trainer = Trainer(small_ensemble("share_bottom", [0], data), data, LEARNED)
    trainer.step(torch.arange(180, 220)[None])  # of both
    for _ in range(3):
        before = trainer.weighting.now[0].tolist()
        trainer.step(torch.arange(64)[None])  # of the first
        after = trainer.weighting.now[0].tolist()
        assert after[0] != before[0]
        assert after[1] == before[1] != 1


def test_a_learned_weight_arrives_within_a_short_training():
    """Its steps are ten times those of the weights, which alone could not carry it so far."""
    data = of_two_sources(examples(tasks=2), 200)
    slow = LEARNED.model_copy(update={"learning_rate": 0.001})
    trainer = Trainer(small_ensemble("share_bottom", [0], data), data, slow)
    for _ in range(50):
        trainer.step(torch.arange(180, 220)[None])
    for weight in trainer.weighting.now[0].tolist():
        assert weight == pytest.approx(1 / (2 * np.log(2)), rel=0.05)


@pytest.mark.parametrize("given", [{}, {"loss_weights": (0.5, 3.0)}])
def test_the_reported_training_loss_has_declared_weights_only(given):
    data, index_MB = examples(), torch.arange(64)[None]
    options = TRAINING.model_copy(update=given)
    plain = Trainer(small_ensemble("share_bottom", [0], data), data, options)
    expected = plain.step_by_task(index_MB)

    weighed = small_ensemble("share_bottom", [0], data)
    weighed.members = tuple(replace(m, loss_weights=(0.1, 1.9)) for m in weighed.members)
    learned = Trainer(
        small_ensemble("share_bottom", [0], data), data,
        options.model_copy(update={"weighting": "uncertainty"}),
    )  # fmt: skip
    learned.weighting._s_MT.fill_(0.7)

    for trainer in (Trainer(weighed, data, options), learned):
        torch.testing.assert_close(trainer.step_by_task(index_MB), expected, rtol=0, atol=0)
        assert not torch.equal(
            trainer.ensemble.flat_params.flat_MP, plain.ensemble.flat_params.flat_MP
        )


def test_there_is_no_decay_on_what_is_learned():
    data = examples()
    strong = LEARNED.model_copy(
        update={"weight_decay": 100.0, "loss_weights": (1.0, 0.0), "learning_rate": 0.002}
    )
    trainer = Trainer(small_ensemble("share_bottom", [0], data), data, strong)
    for _ in range(5):
        trainer.step(torch.arange(64).unsqueeze(0))

    of_used, of_unused = trainer.weighting.now[0].tolist()
    assert of_unused == 1.0  # its term has weight 0, so nothing moves it
    # Its log loss is above 1 / 2, so s rises by its rate a step; decay would stop it.
    assert of_used == pytest.approx(np.exp(-5 * 0.02), rel=0.01)


def test_weights_of_members_count_in_training_but_not_in_the_choice_of_an_epoch():
    data = examples()

    def trained(**member):
        ensemble = small_ensemble("share_bottom", [0], data)
        ensemble.members = tuple(replace(m, **member) for m in ensemble.members)
        options = TRAINING.model_copy(update={"epochs": 8})
        return fit(ensemble, data, [split()], options)

    plain, ones, other = (
        trained(),
        trained(loss_weights=(1.0, 1.0)),
        trained(loss_weights=(0.1, 1.9)),
    )

    assert plain.valid_losses == ones.valid_losses
    assert plain.weights == ()
    assert other.weights[0] == ((0.1, 1.9),)
    assert other.valid_losses != plain.valid_losses
    sums = [sum(losses[0]) for losses in other.valid_losses]
    (best,) = other.best_epochs[0]
    assert sums[best - 1] == min(sums[: best + 2])


@pytest.mark.parametrize("name", ["share_bottom", "snr_trans", "mmoe"])
def test_one_seed_alone_equals_that_seed_among_many(name):
    data = examples()

    def trained(seeds):
        ensemble = small_ensemble(name, seeds, data)
        return fit(ensemble, data, [split()] * len(seeds), LEARNED), ensemble

    (together, many), (alone, one) = trained([3, 1, 4]), trained([1])

    assert alone.best_epochs == together.best_epochs[1:2]
    for own, weights in zip(alone.weights, together.weights, strict=False):
        np.testing.assert_allclose(own[0], weights[1], rtol=0, atol=1e-12)
    for key, tensor in one.state().items():
        torch.testing.assert_close(tensor[0], many.state()[key][1], rtol=0, atol=1e-12)


def test_training_with_learned_weights_goes_on_to_the_same_numbers(tmp_path):
    data = examples()

    def trained(checkpoint=None):
        ensemble = small_ensemble("mmoe", [0, 1], data, dtype="float32")
        result = fit(ensemble, data, [split()] * 2, LEARNED, checkpoint)
        return replace(result, seconds=0.0, states=()), ensemble.state()

    expected, weights = trained()
    result, state = to_the_end([3, 6, 2], lambda: trained(Checkpoint(tmp_path / "0-1.safetensors")))

    assert result == expected
    assert len(result.weights) == len(result.valid_losses)
    assert all(torch.equal(state[key], tensor) for key, tensor in weights.items())
