"""AdaTT against a plain network with the same weights, written from its equations."""

import pytest
import torch

from mtnas import methods
from mtnas.methods.parts.model import count_parameters
from mtnas.training.trainer import Trainer
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples
from tests.training.test_weighting import TRAINING

D, ROOT, WIDTH, TASKS, BATCH = 6, 5, 8, 3, 9
SIZES = pytest.mark.parametrize(
    ("levels", "own", "shared"),
    [(1, 1, 0), (2, 1, 0), (2, 2, 0), (3, 2, 1), (2, 1, 2), (2, 1, 1), (1, 3, 2)],
)


def build(levels, own, shared):
    torch.manual_seed(0)
    method = methods.load("adatt")
    options = method.options(
        num_levels=levels, num_task_experts=own, num_shared_experts=shared,
        root_dim=ROOT, hidden_dim=WIDTH,
    )  # fmt: skip
    return method.sharing(options, input_dim=D, num_tasks=TASKS).double()


def plain_unit(number, level, p, inputs, counts, h):
    """Return f = AllExpertGF + NativeExpertLF of one unit for one example."""
    logits = [p[f"levels.{level}.gate_UEI"][number, e] @ inputs[number] for e in range(len(h))]
    exps = [logit.exp() for logit in logits]
    fused = sum(exp / sum(exps) * own for exp, own in zip(exps, h, strict=True))
    first, mine = sum(counts[:number]), counts[number]
    if mine == 1:
        return fused + h[first]
    shared = number == TASKS
    native = p[f"levels.{level}.native_{'1S' if shared else 'TO'}"][0 if shared else number]
    return fused + sum(native[n] * h[first + n] for n in range(mine))


def plain(p, x_BD, levels, own, shared):
    """Return h_BTH, example by example, unit by unit, expert by expert."""
    counts = [own] * TASKS + ([shared] if shared else [])
    found = []
    for x in x_BD:
        inputs = [(p["root.weight"] @ x + p["root.bias"]).clamp(min=0)] * len(counts)
        for level in range(levels):
            weight, bias = (p[f"levels.{level}.experts.{name}"] for name in ("weight", "bias"))
            readers = [unit for unit, count in enumerate(counts) for _ in range(count)]
            h = [
                (inputs[unit] @ weight[e] + bias[e, 0]).clamp(min=0)
                for e, unit in enumerate(readers)
            ]
            units = range(TASKS) if level == levels - 1 else range(len(counts))
            inputs = [plain_unit(unit, level, p, inputs, counts, h) for unit in units]
        found.append(torch.stack(inputs))
    return torch.stack(found)


@SIZES
def test_outputs_and_gradients_are_those_of_the_equations(levels, own, shared):
    network = build(levels, own, shared)
    x_BD = torch.randn(BATCH, D, dtype=torch.float64, requires_grad=True)
    slope_BTH = torch.randn(BATCH, TASKS, WIDTH, dtype=torch.float64)
    parameters = dict(network.named_parameters())

    h_BTH, expected_BTH = network(x_BD), plain(parameters, x_BD, levels, own, shared)

    torch.testing.assert_close(h_BTH, expected_BTH, rtol=0, atol=1e-10)
    wanted = [x_BD, *parameters.values()]
    found, expected = (
        torch.autograd.grad((h * slope_BTH).sum(), wanted) for h in (h_BTH, expected_BTH)
    )
    for name, grad, other in zip(["x", *parameters], found, expected, strict=True):
        assert other.abs().sum() > 0, name
        torch.testing.assert_close(grad, other, rtol=0, atol=1e-10, msg=name)


@SIZES
def test_parameters_are_counted_as_by_hand(levels, own, shared):
    experts, found = TASKS * own + shared, D * ROOT + ROOT
    for level in range(levels):
        inputs, last = ROOT if level == 0 else WIDTH, level == levels - 1
        units = TASKS + (1 if shared and not last else 0)
        found += experts * (inputs * WIDTH + WIDTH) + units * experts * inputs
        found += TASKS * own if own > 1 else 0
        found += shared if shared > 1 and not last else 0

    assert sum(p.numel() for p in build(levels, own, shared).parameters()) == found


def test_the_default_has_the_parameters_of_two_levels_of_four_experts():
    method = methods.load("adatt")
    options = method.options(hidden_dim=10)
    root, first = 150 * 64 + 64, 4 * (64 * 10 + 10) + 2 * 4 * 64 + 2 * 2
    second, towers = 4 * (10 * 10 + 10) + 2 * 4 * 10 + 2 * 2, 2 * (10 + 1)
    count = count_parameters(method, options, input_dim=150, num_tasks=2)
    assert count == root + first + second + towers


@pytest.mark.parametrize("shared", [0, 2])
def test_a_step_of_one_seed_alone_is_that_of_the_seed_among_many(shared):
    data = examples()

    def trained(seeds):
        ensemble = small_ensemble("adatt", seeds, data, num_shared_experts=shared)
        trainer = Trainer(ensemble, data, TRAINING)
        for start in range(0, 160, 32):
            trainer.step(torch.arange(start, start + 32).expand(len(seeds), -1))
        return ensemble.state()

    together, alone = trained([3, 1, 4]), trained([1])
    assert alone.keys() == together.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(tensor[0], together[name][1], rtol=0, atol=1e-12)


def test_weights_of_own_experts_are_those_of_their_task_alone():
    network = build(1, 2, 0)
    x_BD = torch.randn(BATCH, D, dtype=torch.float64)
    before = network(x_BD)
    network.levels[0].native_TO.data[1] += 1
    assert (network(x_BD) != before).any(-1).any(0).tolist() == [False, True, False]
