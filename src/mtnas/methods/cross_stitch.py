"""Cross-stitch: one network per task, stitched together after every layer (Misra et al. 2016).

After a layer, task t goes on with sum_s alpha_ts h_s, the outputs of all tasks' layers; alpha is
learned and starts near the identity (V11).
Shapes: B batch, D input, L layers, H hidden, T tasks (twice in a stitch).
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.layers import SubNetworks
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "Cross-stitch"  # what readers call it
PLACE = 70  # among the methods of a table


class Options(MethodOptions):
    """Options of Cross-stitch."""

    num_layers: int = Field(
        2, ge=1, description="layers of each task's network (Share-Bottom has 2)"
    )
    own_share: float = Field(
        0.9, gt=0, le=1, description="initial weight of a task's own network in a stitch"
    )
    hidden_dim: HiddenDim = None


class Sharing(BaseSharing):
    """T networks side by side, with a stitch after each layer."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        width, layers = options.hidden_dim, options.num_layers
        self.output_dim = width
        inputs = [input_dim] + [width] * (layers - 1)
        self.columns = nn.ModuleList(SubNetworks(num_tasks, dim, width) for dim in inputs)
        own_TT = torch.eye(num_tasks)
        own_share = options.own_share if num_tasks > 1 else 1.0
        other_share = (1 - own_share) / max(1, num_tasks - 1)
        stitch_TT = own_share * own_TT + other_share * (1 - own_TT)
        self.stitch_LTT = nn.Parameter(stitch_TT.repeat(layers, 1, 1))

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH."""
        h_TBH = x_BD  # the columns share one input
        for column, stitch_TT in zip(self.columns, self.stitch_LTT, strict=True):
            h_TBH = torch.einsum("ts,sbh->tbh", stitch_TT, column(h_TBH))
        return h_TBH.transpose(0, 1)
