"""The optimisers against torch's dense Adam, and slices that take no part."""

import pytest
import torch

from mtnas.training.optim import MemberAdam, TableAdam

RATES = {"learning_rate": 1e-2, "weight_decay": 5e-3}


def reference(param, grads):
    param = param.clone().requires_grad_()
    adam = torch.optim.Adam([param], lr=1e-2, weight_decay=5e-3)
    for grad in grads:
        param.grad = grad.clone()
        adam.step()
    return param.detach()


def test_member_adam_is_torch_adam_when_everything_takes_part():
    torch.manual_seed(0)
    start = torch.randn(2, 3, 4, dtype=torch.float64)
    grads = torch.randn(30, 2, 3, 4, dtype=torch.float64)
    for active in (None, {"p": torch.ones(2, 3, dtype=torch.bool)}):
        param = start.clone()
        adam = MemberAdam({"p": param}, active=active, **RATES)
        for grad in grads:
            adam.step({"p": grad})
        torch.testing.assert_close(param, reference(start, grads), rtol=0, atol=1e-12)


def test_a_slice_that_rests_is_as_if_those_steps_had_not_been():
    torch.manual_seed(0)
    start = torch.randn(2, 3, 4, dtype=torch.float64)
    grads = torch.randn(30, 2, 3, 4, dtype=torch.float64)
    masks = torch.rand(30, 2, 3) < 0.5
    masks[:, 1, 2] = False
    param = start.clone()
    adam = MemberAdam({"p": param}, active={"p": masks[0]}, **RATES)
    for grad, mask in zip(grads, masks, strict=True):
        adam.set_active({"p": mask})
        adam.step({"p": grad})
    for m in range(2):
        for k in range(3):
            expected = reference(start[m, k], grads[masks[:, m, k], m, k])
            torch.testing.assert_close(param[m, k], expected, rtol=0, atol=1e-12)
    assert torch.equal(param[1, 2], start[1, 2])


@pytest.mark.parametrize("steps", [1, 50])
def test_table_adam_is_dense_adam_on_all_rows(steps):
    torch.manual_seed(0)
    start = torch.randn(2, 20, 3, dtype=torch.float64)
    param = start.clone()
    adam = TableAdam(param, **RATES)
    dense = []
    for _ in range(steps):
        rows, grad = torch.randint(40, (15,)), torch.randn(15, 3, dtype=torch.float64)
        dense.append(torch.zeros(40, 3, dtype=torch.float64).index_add(0, rows, grad))
        adam.step(rows, grad)
    expected = reference(start, [g.view(2, 20, 3) for g in dense])
    torch.testing.assert_close(param, expected, rtol=0, atol=1e-9)
