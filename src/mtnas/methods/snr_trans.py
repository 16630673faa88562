"""SNR-Trans: sub-networks whose connections are gated matrices (Ma et al., AAAI 2019).

The topology is that of MTNAS with full sharing: before every sub-network of layers 2..L and every
task, block k reads sum_w z_kw v_w W_kw, with a matrix of its own for every connection. The z are
hard-concrete gates, the same for all examples, that an L0 penalty can close (V12). SNR-Aver has no
matrices.
Shapes: B batch, D input, W sub-networks per layer, H hidden (O of an output), K blocks, T tasks.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import GateOptions, HiddenDim, MethodOptions
from mtnas.methods.parts.hard_concrete import HardConcrete
from mtnas.methods.parts.layers import SubNetworks, uniform
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "SNR-Trans"  # what readers call it
PLACE = 80  # among the methods of a table


class Options(MethodOptions):
    """Options of SNR-Trans."""

    num_layers: int = Field(2, ge=1, description="layers of sub-networks, as in MTNAS")
    num_subnets: int = Field(4, ge=1, description="sub-networks per layer, as in MTNAS")
    hidden_dim: HiddenDim = None
    gates: GateOptions = Field(default_factory=GateOptions, description="gates of connections")


class Sharing(BaseSharing):
    """Layers of sub-networks, connected by gated matrices."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        layers, subnets, width = options.num_layers, options.num_subnets, options.hidden_dim
        self.output_dim = width
        self.root = nn.Linear(input_dim, width)
        self.layers = nn.ModuleList(SubNetworks(subnets, width, width) for _ in range(layers))
        self.readers = [subnets] * (layers - 1) + [num_tasks]
        self.transforms = nn.ParameterList(
            uniform(num, subnets, width, width, fan_in=subnets * width) for num in self.readers
        )
        self.noise_shape = (sum(self.readers), subnets)
        self.gates = HardConcrete(*self.noise_shape, options.gates)
        self.l0_weight = options.gates.l0_weight

    def forward(self, x_BD: Tensor, noise_KW: Tensor | None = None) -> Tensor:
        """Return h_BTH, with sampled gates if there is noise."""
        z_KW = torch.split(self.gates(noise_KW), self.readers)
        h_KBH: Tensor = self.root(x_BD).relu()  # the first sub-networks share one input
        for layer, transform_KWHO, open_KW in zip(self.layers, self.transforms, z_KW, strict=True):
            v_WBH = layer(h_KBH)
            weight_KWHO = open_KW[..., None, None] * transform_KWHO
            h_KBH = torch.einsum("wbh,kwho->kbo", v_WBH, weight_KWHO)
        return h_KBH.transpose(0, 1)

    def penalty(self) -> Tensor:
        """Return the price of the connections that are expected to be open."""
        return self.l0_weight * self.gates.open_prob().sum()
