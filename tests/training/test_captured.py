"""Steps on a GPU, as far as that can be seen without one: recorded, waiting for nothing."""

from dataclasses import replace

import pytest
import torch

from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.training.captured import WARM_UP, CapturedStep, step_of
from mtnas.training.ensemble import Ensemble, LabelScale, Member
from mtnas.training.swept_adam import SweptAdam
from mtnas.training.trainer import Trainer
from tests.helpers import inputs
from tests.helpers.ensembles import small_ensemble, small_options
from tests.helpers.no_waiting import Waits, no_batch, without_values
from tests.helpers.synthetic import examples

TRAINING = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3, learning_rate=0.02)
TRAINED = [name for name in methods.available() if not name.startswith("control")]


def later(work):
    """Record as a GPU does: nothing is done now, and a replay does the same on the same memory."""
    result = torch.zeros(2, 2, dtype=torch.float64)

    def replay():
        result.copy_(work())

    return replay, result


def batches(count=8, size=64):
    rng = torch.Generator().manual_seed(1)
    return [torch.randint(600, (2, size), generator=rng) for _ in range(count)]


def trainer(name="mmoe", weighting="equal"):
    data, options = examples(), TRAINING.model_copy(update={"weighting": weighting})
    return Trainer(small_ensemble(name, [3, 1], data), data, options)


@pytest.mark.parametrize("weighting", ["equal", "random"])
@pytest.mark.parametrize("name", ["mmoe", "snr_trans"])  # without noise, and with it
def test_replayed_steps_are_the_plain_ones_to_the_last_bit(name, weighting):
    plain, replayed = trainer(name, weighting), trainer(name, weighting)
    step, lasting = CapturedStep(replayed, later), []
    expected = [plain.step_by_task(batch) for batch in batches()]
    for batch in batches():
        lasting.append(step(batch))

    assert step.recorded == 1
    assert all(torch.equal(*pair) for pair in zip(lasting, expected, strict=True))
    for tensors in zip(plain.ensemble.state().values(), replayed.ensemble.state().values(),
                       strict=True):  # fmt: skip
        assert torch.equal(*tensors)


def test_batches_of_another_size_are_recorded_for_themselves():
    plain, replayed = trainer(), trainer()
    step = CapturedStep(replayed, later)
    for batch in [*batches(5), *batches(5, 32), *batches(2)]:
        assert torch.equal(step(batch), plain.step_by_task(batch))
    assert step.recorded == 2


def test_what_cannot_be_recorded_goes_on_and_says_so_once(caplog):
    def fails(work):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    plain, other = trainer(), trainer()
    step = CapturedStep(other, fails)
    for batch in batches():
        assert torch.equal(step(batch), plain.step_by_task(batch))
    assert step.recorded == 0
    assert caplog.text.count("cannot be recorded (operation not permitted when stream is") == 1
    assert "more" not in caplog.text


def without_an_update(work):
    """Record a step that changes nothing."""
    return (lambda: None), torch.zeros(2, 2, dtype=torch.float64)


def of_the_first_batch(work):
    """Record a step that goes on reading the batch of the recording."""
    variables = dict(zip(work.__code__.co_freevars, work.__closure__, strict=True))
    recorded, own = variables["self"].cell_contents, variables["trainer"].cell_contents
    first_MB, result = recorded._index_MB.clone(), torch.zeros(2, 2, dtype=torch.float64)
    return (lambda: result.copy_(own.step_with(recorded._noise_M, first_MB))), result


@pytest.mark.parametrize("record", [of_the_first_batch, without_an_update])
def test_a_recorded_step_that_does_something_else_is_not_replayed(record, caplog):
    plain, other = trainer(), trainer()
    step = CapturedStep(other, record)
    for batch in batches():
        assert torch.equal(step(batch), plain.step_by_task(batch))
    assert step.recorded == 0
    assert caplog.text.count("does something else once it is recorded") == 1


def test_a_training_on_a_cpu_takes_plain_steps():
    own = trainer()
    assert step_of(own) == own.step_by_task


def found(ensemble, data, options=TRAINING, size=64):
    """Return what a GPU would wait for in a weight step, apart from what is drawn."""
    own = Trainer(ensemble, without_values(data), options)
    noise_M = own.draw(size)
    with Waits() as waits:
        own.step_with(noise_M, no_batch(len(ensemble), size))
    assert len(waits.operations) > 50
    return waits.found


def ensemble_on_meta(name, data, *, members=2, options=TRAINING, **more):
    method = methods.load(name)
    chosen = small_options(method)
    tasks = range(len(data.tasks))
    subsets = (0,) if method.per_task else tuple(tasks)
    widths = data.output_layout.of(subsets).widths
    readers = chosen.num_readers(len(subsets), options)
    encoder = Encoder(data.inputs.layout, options.embedding_dim, num_readers=readers)
    return Ensemble(
        [Member(seed, subsets, **more) for seed in range(members)],
        lambda _: Model(method, chosen, encoder=encoder, num_tasks=len(subsets), widths=widths,
                        alignment=options.alignment),
        num_rows=data.num_rows, options=options, device="meta",
    )  # fmt: skip


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("name", TRAINED)
def test_no_step_of_any_method_waits_for_a_gpu(name, members):
    data = examples()
    assert found(ensemble_on_meta(name, data, members=members), data) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"weighting": "uncertainty"},
        {"weighting": "random"},
        {"loss_weights": (1.0, 3.0)},
        {"alignment": "joint"},
        {"embedding_per_task": True},
    ],
)
@pytest.mark.parametrize("missing", [False, True])
def test_no_option_of_training_makes_a_step_wait(changes, missing):
    data, options = examples(), TRAINING.model_copy(update=changes)
    if missing:
        labels = data.labels.clone()
        labels[::3, 0] = torch.nan
        data = replace(data, labels=labels)
    assert found(ensemble_on_meta("mmoe", data, options=options), data, options) == []


def test_neither_bags_numbers_features_noisy_labels_nor_scales_make_a_step_wait():
    data = inputs.mixed()
    data = replace(data, of_seeds={seed: data.labels for seed in range(2)})
    scales = tuple(LabelScale(1.0, 2.0) for _ in data.tasks)
    assert found(ensemble_on_meta("mmoe", data, scales=scales), data) == []


def test_a_step_that_sweeps_over_large_tables_waits_for_nothing(monkeypatch):
    data = examples()
    ensemble = ensemble_on_meta("mmoe", data)
    adam = SweptAdam(ensemble.table_MNE, **ensemble.rates(TRAINING))
    with Waits() as waits:
        read = adam.read(no_batch(2, 64))
        adam.step(read)
        adam.settle(no_batch(2, 64))
    assert waits.found == []


@pytest.mark.parametrize(
    "wait",
    [
        lambda t: torch.tensor([1.0], device=t.device),
        lambda t: t[[0, 1]],
        lambda t: t[..., [0, 1]],
    ],
)
def test_what_a_gpu_would_wait_for_is_found(wait):
    with Waits() as waits:
        wait(torch.empty(4, 3, device="meta"))
    assert waits.found


@pytest.mark.parametrize(
    "wait",
    [lambda t: t.sum().item(), torch.nonzero, lambda t: t[t > 0], lambda t: t + torch.ones(3)],
)
def test_what_needs_a_value_fails(wait):
    with pytest.raises((RuntimeError, NotImplementedError)):
        wait(torch.empty(4, 3, device="meta"))


def test_warm_up_steps_are_plain():
    calls = []
    step = CapturedStep(trainer(), lambda work: calls.append(1) or later(work))
    for number, batch in enumerate(batches(WARM_UP + 2), start=1):
        step(batch)
        assert len(calls) == (number > WARM_UP)
