"""Heads with one output per task, and with one for every class."""

import torch

from mtnas import methods
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.heads import Heads
from mtnas.methods.parts.layers import uniform
from mtnas.methods.parts.model import Model, count_parameters
from tests.helpers.ensembles import SMALL_WIDTH, small_options


def test_one_output_per_task_is_drawn_and_computed_as_ever():
    torch.manual_seed(3)
    weight_TH, bias_T = uniform(2, 5, fan_in=5), uniform(2, fan_in=5)
    torch.manual_seed(3)
    heads, h_BTH = Heads([1, 1], 5), torch.randn(7, 2, 5)
    assert torch.equal(heads.weight, weight_TH)
    assert torch.equal(heads(h_BTH), (h_BTH * weight_TH).sum(-1) + bias_T)


def test_every_class_has_an_output_that_reads_its_task():
    heads, h_BTH = Heads([3, 1, 2], 5), torch.randn(7, 3, 5)
    assert heads.weight.shape == (6, 5)
    expected = [
        h_BTH[:, task] @ heads.weight[out] + heads.bias[out]
        for out, task in enumerate([0, 0, 0, 1, 2, 2])
    ]
    torch.testing.assert_close(heads(h_BTH), torch.stack(expected, 1))


def test_a_model_has_the_outputs_of_all_of_its_tasks():
    method = methods.load("share_bottom")
    options, size = small_options(method), {"input_dim": 6, "num_tasks": 2}
    plain, wide = (count_parameters(method, options, **size, widths=w) for w in (None, (4, 1)))
    assert wide - plain == 3 * (SMALL_WIDTH + 1)
    encoder = Encoder.of_numbers(6)
    model = Model(method, options, encoder=encoder, num_tasks=2, widths=(4, 1))
    assert model(torch.randn(9, 6)).shape == (9, 5)
