"""What every sharing method must keep to; methods are found by listing their folder."""

import numpy as np
import pytest
import torch

from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import InputLayout
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model, count_parameters, solve_width
from mtnas.runtime.errors import ConfigError
from mtnas.training.fit import evaluate_loss, fit
from tests.helpers.ensembles import SMALL_WIDTH, small_ensemble, small_options
from tests.helpers.synthetic import examples, split

LOADED = [methods.load(name) for name in methods.available()]
TRAINED = [m for m in LOADED if m.sharing is not None]
CONTROLS = [m for m in LOADED if m.predict is not None]
BATCH, INPUT, FIELDS = 7, 12, 4


@pytest.fixture(params=TRAINED, ids=lambda m: m.name)
def method(request):
    return request.param


def build(method, tasks=3):
    torch.manual_seed(0)
    tasks = 1 if method.per_task else tasks
    options, layout = small_options(method), InputLayout(singles=FIELDS)
    readers = options.num_readers(tasks, TrainingOptions())
    encoder = Encoder(layout, INPUT // FIELDS, num_readers=readers)
    return Model(method, options, encoder=encoder, num_tasks=tasks), tasks


def read(model, rows=BATCH):
    """Return what a model reads: rows of all its tables."""
    return torch.randn(rows, INPUT * model.encoder.num_readers)


def test_one_representation_per_task(method):
    model, tasks = build(method)
    h_BTH = model.sharing(model.shared_input(read(model)))
    assert h_BTH.shape == (BATCH, tasks, model.sharing.output_dim)
    assert model(read(model)).shape == (BATCH, tasks)


def test_every_parameter_receives_gradient(method):
    model, _ = build(method)
    model(read(model, 64)).square().sum().backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle


def test_examples_do_not_leak_into_each_other(method):
    model, _ = build(method)
    x = read(model)
    before = model(x)
    changed = x.clone()
    changed[0] += 1
    after = model(changed)
    assert torch.equal(before[1:], after[1:])
    assert not torch.equal(before[0], after[0])


NOISY = [m for m in TRAINED if build(m)[0].sharing.noise_shape is not None]


@pytest.mark.parametrize("method", NOISY, ids=lambda m: m.name)
def test_noise_is_an_argument_and_the_same_for_all_examples(method):
    model, _ = build(method)
    x = read(model)
    noise, other = torch.rand(2, *model.sharing.noise_shape)
    before = model(x, noise)
    changed = x.clone()
    changed[0] += 1
    assert torch.equal(model(x, noise), before)
    assert not torch.equal(model(x, other), before)
    assert torch.equal(model(changed, noise)[1:], before[1:])


GATED = [m for m in TRAINED if build(m)[0].has_gates]


@pytest.mark.parametrize("method", GATED, ids=lambda m: m.name)
def test_gate_scores_are_shares_of_every_task(method):
    model, tasks = build(method)
    scores_TBE = model.sharing.gate_scores(torch.randn(BATCH, INPUT))
    assert scores_TBE.shape[:2] == (tasks, BATCH)
    torch.testing.assert_close(scores_TBE.sum(-1), torch.ones(tasks, BATCH))


SOLVED = [m for m in TRAINED if getattr(m.options(), "hidden_dim", 0) is None]


@pytest.mark.parametrize("method", SOLVED, ids=lambda m: m.name)
def test_width_is_solved_within_two_percent_of_the_budget(method):
    options = method.options()
    tasks = 1 if method.per_task else 2
    solved = solve_width(method, options, 40_000, input_dim=150, num_tasks=tasks)
    count = count_parameters(method, solved, input_dim=150, num_tasks=tasks)
    assert abs(count - 40_000) <= 800


@pytest.mark.parametrize("method", SOLVED, ids=lambda m: m.name)
def test_a_given_width_must_match_the_budget(method):
    size = {"input_dim": 150, "num_tasks": 1 if method.per_task else 2}
    solved = solve_width(method, method.options(), 40_000, **size)

    assert solve_width(method, solved, 40_000, **size) == solved
    twice = solved.model_copy(update={"hidden_dim": 2 * solved.hidden_dim})
    with pytest.raises(ConfigError, match=r"budget of mtnas is 40000 .*; leave hidden_dim out"):
        solve_width(method, twice, 40_000, **size)


def test_unknown_options_are_refused(method):
    with pytest.raises(ValueError, match="hiden_dim"):
        method.options(hiden_dim=SMALL_WIDTH)


def train(method, seeds, data, **training):
    ensemble = small_ensemble(method.name, seeds, data)
    chosen = {"epochs": 4, "patience": 1, "learning_rate": 0.01, **training}
    options = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3, **chosen)
    splits = [split()] * len(ensemble)
    fitted = fit(ensemble, data, splits, options)
    test_loss = evaluate_loss(ensemble, data, [s.test for s in splits])
    return fitted, test_loss, len(ensemble) // len(seeds)


def test_one_seed_alone_equals_that_seed_among_many(method):
    data = examples()
    together, loss_together, per_seed = train(method, [3, 1, 4], data)
    alone, loss_alone, _ = train(method, [1], data)
    mine = slice(per_seed, 2 * per_seed)
    assert alone.best_epochs == together.best_epochs[mine]
    torch.testing.assert_close(loss_alone, loss_together[mine], rtol=0, atol=1e-12)


def test_training_lowers_the_loss_and_is_deterministic(method):
    data = examples()
    first, loss, _ = train(method, [0], data, epochs=10, patience=10)
    second, again, _ = train(method, [0], data, epochs=10, patience=10)
    assert first.train_loss[-1] < first.train_loss[0]
    assert torch.equal(loss, again)
    assert first.valid_losses == second.valid_losses


def test_training_leaves_the_global_generators_alone(method):
    data, before = examples(), (torch.get_rng_state(), np.random.get_state()[1].copy())
    train(method, [0], data, epochs=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize("control", CONTROLS, ids=lambda m: m.name)
def test_controls_predict_probabilities(control):
    labels = np.random.default_rng(0).integers(2, size=(50, 2)).astype(np.float32)
    p = control.predict(labels, np.random.default_rng(1))
    assert p.shape == labels.shape
    assert ((p >= 0) & (p <= 1)).all()
