"""Cut MMoE: MMoE with some links between experts and tasks cut off by hand (paper, Fig. 1c).

"The variant is a special case in MMoE when the corresponding weight scores given by gates are
constantly zero" (Sec. 1). Which links are cut the paper does not say (D10).
Shapes: B batch, D input, R root, E experts, H expert output, T tasks.
"""

from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from mtnas.config.links import Kept, check_kept, kept_links
from mtnas.config.options import MethodOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix, repeat
from mtnas.methods.parts.sharing import BaseSharing
from mtnas.runtime.errors import ConfigError

TITLE = "Cut MMoE"  # what readers call it
PLACE = 50  # among the methods of a table


class Options(MethodOptions):
    """Options of the cut MMoE."""

    num_experts: int = Field(4, ge=1, description="experts, as in MMoE")
    kept: tuple[tuple[Annotated[int, Field(ge=0)], ...], ...] | None = Field(
        None,
        description="per task the experts (from 0) that it keeps; null: each task some of its own "
        "and some that all share (D10)",
    )
    root_dim: int = Field(64, ge=1, description="width of the first layer (paper: 64)")
    hidden_dim: int | None = Field(
        None, ge=1, description="width of an expert; null: solved to match MTNAS's parameters"
    )

    @model_validator(mode="after")
    def _kept_exist(self) -> Self:
        if self.kept is not None:
            check_kept(self.kept, self.num_experts)
        return self

    def kept_by(self, num_tasks: int) -> Kept:
        """Return the experts that each of T tasks keeps."""
        try:
            return kept_links(self.kept, self.num_experts, num_tasks)
        except ConfigError as error:
            raise ConfigError(f"methods.cut_mmoe.{error}") from None


class Sharing(BaseSharing):
    """Shared experts and one gate per task, over the experts that the task keeps."""

    kept_TE: Tensor

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.num_experts, self.num_tasks = options.num_experts, num_tasks
        self.output_dim = options.hidden_dim
        self.root = nn.Linear(input_dim, options.root_dim)
        self.experts = SubNetworks(self.num_experts, options.root_dim, self.output_dim)
        self.gate_TER = gates(num_tasks, self.num_experts, options.root_dim)
        kept = options.kept_by(num_tasks)
        links = [[expert in row for expert in range(self.num_experts)] for row in kept]
        self.register_buffer("kept_TE", torch.tensor(links))

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH."""
        root_BR = self.root(x_BD).relu()
        h_EBH = self.experts(root_BR)
        return mix(self._scores(root_BR), h_EBH).transpose(0, 1)

    def gate_scores(self, x_BD: Tensor) -> Tensor:
        """Return what every task gives every expert, scores_TBE; a cut link gets zero."""
        return self._scores(self.root(x_BD).relu())

    def _scores(self, root_BR: Tensor) -> Tensor:
        return gate_scores(repeat(root_BR, self.num_tasks), self.gate_TER, self.kept_TE)
