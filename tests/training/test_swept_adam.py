"""Large tables on a GPU: the steps of a dense update, taken a little later."""

import shutil

import pytest
import torch

from mtnas.training.dense_tables import DenseTableAdam
from mtnas.training.swept_adam import SWEEP, SweptAdam, replay

RATES = {"learning_rate": [0.02, 0.003], "weight_decay": [0.05, 0.0]}


def tables(rows=45, dtype=torch.float64):
    return torch.randn(2, rows, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))


def steps(count, rows=45):
    """Return rows with repeats within a batch, of which some are not read for long."""
    rng = torch.Generator().manual_seed(1)
    for _ in range(count):
        rows_MB = (rows * torch.rand(2, 12, generator=rng) ** 3).int()
        yield rows_MB, torch.randn(2, 12, 3, dtype=torch.float64, generator=rng)


@pytest.mark.parametrize("rows", [SWEEP - 3, 45, 64])  # fewer than parts, no multiple, a multiple
def test_it_gives_what_a_dense_update_gives(rows):
    ours, theirs = tables(rows), tables(rows)
    swept, dense = SweptAdam(ours, **RATES), DenseTableAdam(theirs, **RATES)
    for rows_MB, grad in steps(70, rows):
        torch.testing.assert_close(swept.read(rows_MB), dense.read(rows_MB), rtol=0, atol=1e-12)
        swept.step(grad)
        dense.step(grad)
    swept.settle()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_no_row_is_ever_later_than_a_sweep():
    swept = SweptAdam(tables(), **RATES)
    for number, (rows_MB, grad) in enumerate(steps(50), start=1):
        swept.read(rows_MB)
        swept.step(grad)
        assert number - int(swept.state()["done"].min()) < SWEEP


def test_rows_that_are_settled_are_those_of_a_dense_update_and_settling_twice_changes_nothing():
    ours, theirs = tables(), tables()
    swept, dense = SweptAdam(ours, **RATES), DenseTableAdam(theirs, **RATES)
    for rows_MB, grad in steps(7):
        swept.read(rows_MB)
        dense.read(rows_MB)
        swept.step(grad)
        dense.step(grad)
    asked = torch.tensor([[40, 3, 3], [0, 44, 9]])
    swept.settle(asked)
    for m in range(2):
        torch.testing.assert_close(ours[m, asked[m]], theirs[m, asked[m]], rtol=0, atol=1e-12)
    swept.settle()
    once = ours.clone()
    swept.settle()
    assert torch.equal(ours, once)


def test_it_goes_on_from_a_checkpoint_to_the_last_bit():
    whole, half = tables(), tables()
    swept, first = SweptAdam(whole, **RATES), SweptAdam(half, **RATES)
    for number, (rows_MB, grad) in enumerate(steps(30)):
        if number == 13:
            saved = {name: tensor.clone() for name, tensor in first.state().items()}
            half = half.clone()
            first = SweptAdam(half, **RATES)
            first.load(saved)
        for adam in (swept, first):
            adam.read(rows_MB)
            adam.step(grad)
    assert torch.equal(whole, half)


def test_repeats_of_a_row_add_up():
    table = tables()
    swept = SweptAdam(table, learning_rate=1e-2, weight_decay=0.0)
    swept.read(torch.tensor([[7, 7, 7], [1, 2, 3]]))
    grad = torch.zeros(2, 3, 3, dtype=torch.float64)
    grad[0, 1], grad[0, 2] = 2.0, -2.0  # together nothing
    swept.step(grad)
    assert torch.equal(table, tables())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="nothing compiles here")
def test_the_compiled_kernel_gives_the_same():
    compiled, plain = tables(), tables()
    first, second = SweptAdam(compiled, **RATES), SweptAdam(plain, **RATES)
    first._replay = torch.compile(replay, dynamic=True)
    for rows_MB, grad in steps(20):
        for adam in (first, second):
            adam.read(rows_MB)
            adam.step(grad)
    torch.testing.assert_close(compiled, plain, rtol=0, atol=1e-12)
