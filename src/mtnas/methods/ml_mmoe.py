"""ML-MMoE: MMoE with several layers of experts (paper, Sec. 4.2).

Every expert of a higher layer and every task mixes all experts below it, by a gate of its own
that reads the root: the MTNAS supernet restricted to its densest route (V7).
Shapes: B batch, D input, E experts per layer, H hidden, T tasks.
"""

from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "ML-MMoE"  # what readers call it
PLACE = 60  # among the methods of a table


class Options(MethodOptions):
    """Options of ML-MMoE."""

    num_layers: int = Field(2, ge=1, description="layers of experts")
    num_experts: int = Field(4, ge=1, description="experts per layer")
    hidden_dim: HiddenDim = None


class Sharing(BaseSharing):
    """Layers of experts, fully connected by gates."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        experts, width = options.num_experts, options.hidden_dim
        self.num_experts = experts
        self.output_dim = width
        self.root = nn.Linear(input_dim, width)
        self.layers = nn.ModuleList(
            SubNetworks(experts, width, width) for _ in range(options.num_layers)
        )
        readers = [experts] * (options.num_layers - 1) + [num_tasks]
        self.gates = nn.ParameterList(gates(num, experts, width) for num in readers)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH."""
        root_BH = self.root(x_BD).relu()
        h_KBH: Tensor = root_BH  # the first experts share one input
        for layer, gate_KEH in zip(self.layers, self.gates, strict=True):
            h_KBH = mix(gate_scores(root_BH, gate_KEH), layer(h_KBH))
        return h_KBH.transpose(0, 1)
