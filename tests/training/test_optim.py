"""The optimisers against torch's dense Adam, and slices that take no part."""

from functools import partial

import pytest
import torch

from mtnas.training import row_adam
from mtnas.training.dense_tables import DenseTableAdam
from mtnas.training.ensemble import FlatParameters
from mtnas.training.optim import MemberAdam, NetworkAdam
from mtnas.training.row_adam import RowAdam

RATES = {"learning_rate": 1e-2, "weight_decay": 5e-3}


def reference(param, grads, lr=1e-2, weight_decay=5e-3):
    param = param.clone().requires_grad_()
    adam = torch.optim.Adam([param], lr=lr, weight_decay=weight_decay)
    for grad in grads:
        param.grad = grad.clone()
        adam.step()
    return param.detach()


@pytest.mark.parametrize(
    "adam_of",
    [NetworkAdam, partial(MemberAdam, active={"p": torch.ones(2, 3, dtype=torch.bool)})],
)
def test_what_takes_part_in_every_step_moves_as_torch_adam_moves_it(adam_of):
    torch.manual_seed(0)
    start = torch.randn(2, 3, 4, dtype=torch.float64)
    grads = torch.randn(30, 2, 3, 4, dtype=torch.float64)
    flat = FlatParameters.of({"p": start})
    adam = adam_of(flat, **RATES)
    for grad in grads:
        adam.step({"p": grad})
    torch.testing.assert_close(flat.views()["p"], reference(start, grads), rtol=0, atol=1e-12)


def test_a_slice_that_rests_is_as_if_those_steps_had_not_been():
    torch.manual_seed(0)
    start = torch.randn(2, 3, 4, dtype=torch.float64)
    grads = torch.randn(30, 2, 3, 4, dtype=torch.float64)
    masks = torch.rand(30, 2, 3) < 0.5
    masks[:, 1, 2] = False
    flat = FlatParameters.of({"p": start})
    param = flat.views()["p"]
    adam = MemberAdam(flat, active={"p": masks[0]}, **RATES)
    for grad, mask in zip(grads, masks, strict=True):
        adam.set_active({"p": mask})
        adam.step({"p": grad})
    for m in range(2):
        for k in range(3):
            expected = reference(start[m, k], grads[masks[:, m, k], m, k])
            torch.testing.assert_close(param[m, k], expected, rtol=0, atol=1e-12)
    assert torch.equal(param[1, 2], start[1, 2])


def touches(steps, *, members=2, rows=60, batch=15, dim=3, dtype=torch.float64):
    """Yield random batches of rows, some of them rare, with gradients of all sizes."""
    torch.manual_seed(0)
    for _ in range(steps):
        rows_MB = (rows * torch.rand(members, batch) ** 4).int()
        size = 10 ** (torch.rand(members, batch, 1) * 4 - 6)
        yield rows_MB, (torch.randn(members, batch, dim) * size).to(dtype)


def trained(adam_of, start, steps, **rates):
    """Train tables by `adam_of` and by torch's dense Adam; return both and the largest gap read."""
    table, dense = start.clone(), start.clone().requires_grad_()
    adam = adam_of(table, **rates)
    reference = torch.optim.Adam(
        [dense], lr=rates["learning_rate"], weight_decay=rates["weight_decay"]
    )
    widest = 0.0
    for rows_MB, grad_MBE in touches(steps, dtype=start.dtype):
        index = rows_MB.long().unsqueeze(-1).expand(grad_MBE.shape)
        widest = max(
            widest, float((adam.read(rows_MB) - dense.detach().gather(1, index)).abs().max())
        )
        adam.step(grad_MBE)
        dense.grad = torch.zeros_like(start).scatter_add(1, index, grad_MBE)
        reference.step()
    adam.settle()
    return table, dense.detach(), widest


PAPER = {"learning_rate": 1e-3, "weight_decay": 5e-4}


@pytest.mark.parametrize("steps", [1, 2000])
@pytest.mark.parametrize("adam_of", [partial(RowAdam, exact=True), DenseTableAdam])
def test_a_table_adam_is_dense_adam_on_all_rows(adam_of, steps):
    start = torch.randn(2, 60, 3, dtype=torch.float64) * 0.01
    table, dense, widest = trained(adam_of, start, steps, **PAPER)
    torch.testing.assert_close(table, dense, rtol=0, atol=1e-9)
    assert widest <= 1e-9


@pytest.mark.parametrize(
    ("learning_rate", "weight_decay"), [(1e-4, 5e-4), (1e-3, 5e-4), (1e-1, 5e-4), (1e-3, 0.0)]
)
def test_jumps_stay_close_to_dense_adam(learning_rate, weight_decay):
    start = torch.randn(2, 60, 3, dtype=torch.float64) * 0.01
    rates = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    table, dense, widest = trained(RowAdam, start, 2000, **rates)
    scale = float(dense.abs().mean())
    assert float((table - dense).abs().mean()) <= 1e-3 * scale
    assert widest <= 1e-2 * float(dense.abs().max())


def test_jumps_leave_the_moments_of_a_long_unread_row_as_they_should_be():
    """The second gradient of a row, 500 steps after the first, meets what is left of v."""
    start = torch.full((1, 2, 3), 0.01, dtype=torch.float64)
    table, dense = start.clone(), start.clone().requires_grad_()
    adam, reference = RowAdam(table, **PAPER), torch.optim.Adam([dense], lr=1e-3, weight_decay=5e-4)
    for step in range(510):
        row = 0 if step in (5, 505) else 1
        adam.read(torch.full((1, 1), row, dtype=torch.int32))
        adam.step(torch.full((1, 1, 3), 1e-4, dtype=torch.float64))
        dense.grad = torch.zeros_like(start)
        dense.grad[0, row] = 1e-4
        reference.step()
    adam.settle()
    torch.testing.assert_close(table, dense.detach(), rtol=1e-3, atol=0)


def test_settling_some_rows_or_reading_them_again_changes_nothing():
    start = torch.randn(2, 60, 3, dtype=torch.float64) * 0.01
    one, two = start.clone(), start.clone()
    plain, disturbed = RowAdam(one, exact=True, **PAPER), RowAdam(two, exact=True, **PAPER)
    for rows_MB, grad_MBE in touches(300):
        disturbed.settle(rows_MB.flip(1)[:, :5])
        disturbed.read(rows_MB.flip(1))
        torch.testing.assert_close(disturbed.read(rows_MB), plain.read(rows_MB), rtol=0, atol=1e-12)
        plain.step(grad_MBE)
        disturbed.step(grad_MBE)
    plain.settle()
    disturbed.settle()
    torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


def test_threads_share_the_rows_and_change_nothing(monkeypatch):
    monkeypatch.setattr(row_adam, "ROWS_PER_THREAD", 4)
    start = torch.randn(2, 60, 3, dtype=torch.float64) * 0.01
    tables = []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        table, _, _ = trained(RowAdam, start, 100, **PAPER)
        tables.append(table)
    assert torch.equal(*tables)


@pytest.mark.parametrize("exact", [True, False])
def test_reading_ahead_changes_no_bit(exact):
    batches = list(touches(300, rows=600, dtype=torch.float32))
    tables, reads = [], []
    for ahead in (False, True):
        torch.manual_seed(1)
        table = torch.randn(2, 600, 3) * 0.01
        adam, seen = RowAdam(table, exact=exact, **PAPER), []
        for step, (rows_MB, grad_MBE) in enumerate(batches):
            seen.append(adam.read(rows_MB))
            if ahead and step % 7 < 5:  # sometimes not, once for rows that nobody reads then
                coming = batches[(step + 1 + (step % 7 == 4)) % 300][0]
                adam.read_ahead(coming)
            adam.step(grad_MBE)
            if step % 50 == 49:
                adam.settle()
        adam.settle()
        tables.append(table)
        reads.append(torch.stack(seen))
    assert torch.equal(*reads)
    assert torch.equal(*tables)


def rare_and_frequent(steps):
    """Yield batches of a rare row and of three that every batch has, with their gradients."""
    torch.manual_seed(0)
    for step in range(steps):
        rows_MB = torch.tensor([[0, 1, 2, 3 + step % 57]] * 2, dtype=torch.int32)
        yield rows_MB, torch.randn(2, 4, 3) * 1e-3


@pytest.mark.parametrize("adam_of", [RowAdam, partial(RowAdam, exact=True), DenseTableAdam])
@pytest.mark.parametrize("stop", [0, 150, 1030])
def test_a_table_goes_on_from_its_state_to_the_same_bits(adam_of, stop):
    batches = list(rare_and_frequent(1100))  # past the first 1024 step sizes
    torch.manual_seed(1)
    start = torch.randn(2, 60, 3) * 0.01
    straight = tables_trained(adam_of, start, batches, **PAPER)

    first = start.clone()
    adam = adam_of(first, **PAPER)
    for rows_MB, grad_MBE in batches[:stop]:
        adam.read(rows_MB)
        adam.step(grad_MBE)
    second = start.clone()
    again = adam_of(second, **PAPER)
    second.copy_(first)
    again.load(adam.state())
    for rows_MB, grad_MBE in batches[stop:]:
        again.read(rows_MB)
        again.step(grad_MBE)
    again.settle()

    assert torch.equal(second, straight)


def test_a_gradient_that_is_not_finite_is_not_hidden():
    table = torch.zeros(1, 60, 3, dtype=torch.float64)
    adam = RowAdam(table, **PAPER)
    rows_MB = torch.zeros(1, 1, dtype=torch.int32)
    adam.read(rows_MB)
    adam.step(torch.full((1, 1, 3), torch.nan, dtype=torch.float64))
    other = torch.ones(1, 1, dtype=torch.int32)
    for _ in range(200):
        adam.read(other)
        adam.step(torch.zeros(1, 1, 3, dtype=torch.float64))
    assert adam.read(rows_MB).isnan().all()


GRID = {"learning_rate": [1e-3, 1e-3, 1e-2], "weight_decay": [5e-4, 5e-3, 5e-3]}


def tables_trained(adam_of, start, batches, **rates):
    """Train tables on given batches; return them."""
    tables = start.clone()
    adam = adam_of(tables, **rates)
    for rows_MB, grad_MBE in batches:
        adam.read(rows_MB)
        adam.step(grad_MBE)
    adam.settle()
    return tables


@pytest.mark.parametrize("adam_of", [RowAdam, partial(RowAdam, exact=True), DenseTableAdam])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_table_with_its_own_rates_is_what_it_is_alone(adam_of, dtype):
    start = torch.randn(3, 60, 3, dtype=dtype) * 0.01
    batches = list(touches(1100, members=3, dtype=dtype))  # past the first 1024 step sizes
    together = tables_trained(adam_of, start, batches, **GRID)
    for m in range(3):
        own = {name: values[m] for name, values in GRID.items()}
        mine = [(rows[m : m + 1], grad[m : m + 1]) for rows, grad in batches]
        assert torch.equal(together[m], tables_trained(adam_of, start[m : m + 1], mine, **own)[0])
    assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize(
    "adam_of",
    [NetworkAdam, partial(MemberAdam, active={"p": torch.ones(3, 3, dtype=torch.bool)})],
)
def test_members_with_their_own_rates_are_torch_adam_with_those_rates(adam_of):
    torch.manual_seed(0)
    start = torch.randn(3, 3, 4, dtype=torch.float64)
    grads = torch.randn(30, 3, 3, 4, dtype=torch.float64)
    flat = FlatParameters.of({"p": start})
    adam = adam_of(flat, **GRID)
    for grad in grads:
        adam.step({"p": grad})
    for m, (rate, decay) in enumerate(zip(*GRID.values(), strict=True)):
        expected = reference(start[m], grads[:, m], lr=rate, weight_decay=decay)
        torch.testing.assert_close(flat.views()["p"][m], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dtype", "size"), [(torch.float64, 7), (torch.float32, 1001)])
def test_no_bit_of_a_member_depends_on_its_company(dtype, size):
    """Not even of odd sizes, of which vectors of the processor leave a rest."""
    torch.manual_seed(0)
    start, grads = torch.randn(3, size, dtype=dtype), torch.randn(20, 3, size, dtype=dtype)

    def moved(members):
        flat = FlatParameters.of({"p": start[members]})
        adam = NetworkAdam(flat, **RATES)
        for grad in grads:
            adam.step({"p": grad[members]})
        return flat.views()["p"]

    together = moved([0, 1, 2])
    for m in range(3):
        assert torch.equal(moved([m])[0], together[m])
