"""Hard-concrete gates: random numbers in [0, 1] that are exactly 0 or 1 with positive probability.

Louizos, Welling and Kingma (ICLR 2018), as SNR gates its connections (Ma et al., AAAI 2019).
Shapes: K blocks, V values that a block may read: one gate z for every connection.
"""

import math

import torch
from torch import Tensor, nn

from mtnas.config.options import GateOptions

INITIAL_SPREAD = 0.01
SMALLEST_NOISE = 1e-6  # U(0, 1) may be 0, whose logit is not finite


class HardConcrete(nn.Module):
    """z_KV with a location log alpha of its own for every gate."""

    def __init__(self, num_blocks: int, num_values: int, options: GateOptions) -> None:
        """Draw log_alpha_KV around log((1 - drop) / drop)."""
        super().__init__()
        self._options = options
        mean = math.log((1 - options.initial_drop) / options.initial_drop)
        drawn = torch.empty(num_blocks, num_values).normal_(mean, INITIAL_SPREAD)
        self.log_alpha_KV = nn.Parameter(drawn)

    def forward(self, noise_KV: Tensor | None = None) -> Tensor:
        """Return z_KV for uniform noise, or without noise the estimate to be used at test time."""
        low, high = self._options.low, self._options.high
        logit_KV: Tensor = self.log_alpha_KV
        if noise_KV is not None:
            logit_KV = (noise_KV.logit(SMALLEST_NOISE) + logit_KV) / self._options.temperature
        return (logit_KV.sigmoid() * (high - low) + low).clamp(0, 1)

    def open_prob(self) -> Tensor:
        """Return P(z_KV != 0), the expected L0 norm of every gate."""
        shift = self._options.temperature * math.log(-self._options.low / self._options.high)
        return (self.log_alpha_KV - shift).sigmoid()
