"""Blocks used by two or more sharing methods.

Plain torch for one model; many models at once are made in `training.ensemble`, so a forward must be
pure: no random draw, no `.item()`, no branch on a tensor.

Shapes: B batch, D input, W sub-networks side by side, K blocks (each with its gate), V values a
block mixes, H hidden.
"""

import math

import torch
from torch import Tensor, nn


def uniform(*shape: int, fan_in: int) -> nn.Parameter:
    """Return a parameter drawn as torch draws those of `nn.Linear`: U(+-1/sqrt(fan_in))."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))


class SubNetworks(nn.Module):
    """W one-layer sub-networks side by side, each ReLU(Linear(D -> H)).

    One batched product instead of W small ones; the leading axis of both parameters is the
    sub-network.
    """

    def __init__(self, num: int, input_dim: int, output_dim: int) -> None:
        """Draw `weight` [W, D, H] and `bias` [W, 1, H]."""
        super().__init__()
        self.weight = uniform(num, input_dim, output_dim, fan_in=input_dim)
        self.bias = uniform(num, 1, output_dim, fan_in=input_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map x_WBD, one input per sub-network, or x_BD, one for all of them, to h_WBH."""
        if x.dim() == 3:
            return torch.baddbmm(self.bias, x, self.weight).relu_()
        # One wide product is about twice as fast as W narrow ones.
        num, _, width = self.weight.shape
        weight_DO = self.weight.transpose(0, 1).flatten(1)
        h_BO = torch.addmm(self.bias.flatten(), x, weight_DO).relu_()
        return h_BO.view(-1, num, width).transpose(0, 1)


def gates(num_blocks: int, num_values: int, query_dim: int) -> nn.Parameter:
    """Draw the gates w_KVQ of K blocks over V values (Eq. 1: no bias)."""
    return uniform(num_blocks, num_values, query_dim, fan_in=query_dim)


def gate_scores(query: Tensor, gate_KVQ: Tensor, values_KV: Tensor | None = None) -> Tensor:
    """Return m_KBV, the softmax of Eq. (1) over the values each block chose (default: all).

    Each block has a query of its own, query_KBQ, or all have one, query_BQ.
    """
    if query.dim() == 3:
        e_KVB = gate_KVQ @ query.transpose(-1, -2)
    else:
        e_KVB = (gate_KVQ.flatten(0, 1) @ query.T).view(*gate_KVQ.shape[:2], -1)
    return weights(e_KVB, values_KV)


def weights(e_KVB: Tensor, values_KV: Tensor | None = None) -> Tensor:
    """Return m_KBV, the softmax over the values each block chose (default: all)."""
    if values_KV is not None:
        e_KVB = e_KVB.masked_fill(~values_KV.unsqueeze(-1), -torch.inf)
    # Along an inner axis torch takes many examples at once; along a short last one, one by one.
    # All scores of an example lie together, as `mix` multiplies them.
    return e_KVB.softmax(dim=-2).permute(2, 0, 1).contiguous().transpose(0, 1)


def mix(scores_KBV: Tensor, h_VBH: Tensor) -> Tensor:
    """Return y_KBH, the weighted sum of the values of every block (Eq. 1)."""
    return (scores_KBV.transpose(0, 1) @ h_VBH.transpose(0, 1)).transpose(0, 1)


def repeat(x_BD: Tensor, num: int) -> Tensor:
    """Show one input to `num` readers, without a copy: x_WBD."""
    return x_BD.unsqueeze(0).expand(num, *x_BD.shape)
