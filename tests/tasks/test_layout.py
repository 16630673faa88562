"""Outputs of several tasks: which are whose, and their losses where labels are missing."""

import pytest
import torch

from mtnas.tasks.kinds import BINARY, MULTICLASS, REGRESSION
from mtnas.tasks.layout import OutputLayout

MIXED = OutputLayout(("multiclass", "binary", "regression"), (3, 1, 1))
PLAIN = OutputLayout(("binary", "binary"), (1, 1))


def drawn(missing):
    torch.manual_seed(0)
    out = torch.randn(2, 40, 5, dtype=torch.float64)
    y = torch.stack(
        [torch.randint(3, (2, 40)), torch.randint(2, (2, 40)), torch.randn(2, 40)], -1
    ).double()
    y[torch.rand(y.shape) < missing] = torch.nan
    return out, y


@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_losses_of_mixed_kinds_are_those_of_each_alone(missing):
    out, y = drawn(missing)
    alone = [
        MULTICLASS.loss(out[..., :3], y[..., 0]),
        BINARY.loss(out[..., 3], y[..., 1]),
        REGRESSION.loss(out[..., 4], y[..., 2]),
    ]
    complete = not y.isnan().any()
    torch.testing.assert_close(MIXED.loss(out, y), torch.stack(alone, -1))
    torch.testing.assert_close(MIXED.batch_loss(out, y, complete=complete), torch.stack(alone, -1))


def test_a_missing_label_has_no_gradient_and_a_batch_without_labels_no_loss():
    out, y = drawn(0.5)
    y[0, :, 1] = torch.nan
    out.requires_grad_()
    loss = MIXED.batch_loss(out, y, complete=False)
    loss.sum().backward()
    assert loss[0, 1] == 0
    for columns, task in (((0, 1, 2), 0), ((3,), 1), ((4,), 2)):
        gradient = out.grad[..., columns]
        assert torch.equal((gradient != 0).any(-1), ~y[..., task].isnan())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mask_that_hides_nothing_changes_no_bit(dtype):
    out, y = torch.randn(3, 64, 2).to(dtype).requires_grad_(), torch.randint(2, (3, 64, 2)).float()
    masked, plain = (PLAIN.batch_loss(out, y, complete=known) for known in (False, True))
    assert torch.equal(masked, plain)
    assert torch.equal(*(torch.autograd.grad(x.sum(), out)[0] for x in (masked, plain)))
