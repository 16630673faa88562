"""All gates of a supernet: one for every local route of every block (Sec. 3.1, Eq. 1).

A training step uses only one gate per block. Before it the gates of the sampled routes, and their
optimiser state, are copied into an ensemble, and afterwards back. So a step costs as much as one of
the sampled network alone, and all other gates stay as they are.

Shapes: M members, K blocks, R local routes of all blocks together, V values, H hidden.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from mtnas.methods.parts.layers import gates
from mtnas.runtime import seeds
from mtnas.training.ensemble import Ensemble, of_sharing
from mtnas.training.optim import MemberAdam


class GateBank:
    """All gates of M supernets, with their Adam state."""

    def __init__(self, ensemble: Ensemble) -> None:
        """Draw the gates of every block; each member from the random stream of its own seed."""
        sharing = ensemble.template.routed
        assert sharing.gate_name is not None, "a method without gates has no bank"
        self._name, space = of_sharing(sharing.gate_name), sharing.space
        sizes = [space.num_local_routes(block) for block in space.network.blocks]  # all with gates
        device = ensemble.device
        self._first_K = torch.tensor([sum(sizes[:k]) for k in range(len(sizes))], device=device)
        lent = ensemble.params[self._name]
        drawn = [_drawn(m.seed, sum(sizes), *lent.shape[2:]) for m in ensemble.members]
        self.gate_MRVH = torch.stack(drawn).to(lent)
        self._first_moment = torch.zeros_like(self.gate_MRVH)
        self._second_moment = torch.zeros_like(self.gate_MRVH)
        self._steps_MR = torch.zeros(*self.gate_MRVH.shape[:2], device=device)
        first_M1 = torch.arange(len(ensemble), device=device).unsqueeze(1) * sum(sizes)
        self._first_MK = first_M1 + self._first_K

    def lend(self, index_MK: Tensor, ensemble: Ensemble, adam: MemberAdam | None = None) -> None:
        """Copy the gates of local routes `index_MK` (and their state) into the ensemble."""
        at = self._at(index_MK)
        ensemble.params[self._name].copy_(self._chosen(self.gate_MRVH, at))
        if adam is not None:
            adam.first[self._name].copy_(self._chosen(self._first_moment, at))
            adam.second[self._name].copy_(self._chosen(self._second_moment, at))
            steps = adam.steps[self._name]
            steps.copy_(self._chosen(self._steps_MR, at).view_as(steps))

    def take_back(self, index_MK: Tensor, ensemble: Ensemble, adam: MemberAdam) -> None:
        """Copy the gates that `lend` copied into the ensemble, and their state, back."""
        at = self._at(index_MK)
        for own, lent in (
            (self.gate_MRVH, ensemble.params), (self._first_moment, adam.first),
            (self._second_moment, adam.second), (self._steps_MR, adam.steps),
        ):  # fmt: skip
            values = lent[self._name].reshape(len(at), *own.shape[2:])
            own.flatten(0, 1).index_copy_(0, at, values)

    @property
    def name(self) -> str:
        """What the gates of a route are called in the ensemble."""
        return self._name

    def of_routes(self, index_MK: Tensor) -> Tensor:
        """Return a copy of the gates of a route of every member, [M, K, V, H]."""
        return self._chosen(self.gate_MRVH, self._at(index_MK))

    def of_block(self, block: int, size: int) -> Tensor:
        """Return the gates of the `size` local routes of one block, [M, R, V, H]; not a copy."""
        return self.gate_MRVH.narrow(1, int(self._first_K[block]), size)

    def state(self) -> dict[str, Tensor]:
        """Return the gates and their optimiser state, without copying, for `load`."""
        return {
            "gates": self.gate_MRVH,
            "first": self._first_moment,
            "second": self._second_moment,
            "steps": self._steps_MR,
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def _at(self, index_MK: Tensor) -> Tensor:
        """Return where the gates of local routes stand among those of all members, [M * K]."""
        gated_MK = index_MK[:, : len(self._first_K)]
        return (gated_MK.to(self._first_K.device) + self._first_MK).flatten()

    def _chosen(self, tensor_MR: Tensor, at: Tensor) -> Tensor:
        """Return the entries of local routes, [M, K, ...]."""
        found = tensor_MR.flatten(0, 1).index_select(0, at)
        return found.view(*self._first_MK.shape, *tensor_MR.shape[2:])


def _drawn(seed: int, num: int, num_values: int, hidden_dim: int) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.torch_seed(seed, "gates"))
        return gates(num, num_values, hidden_dim).detach()
