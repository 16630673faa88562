"""A differentiable search: straight-through Gumbel-softmax over the local routes of every block.

Each block passes on sum_r z_r y_r, where y_r is the output of local route r and z is one-hot at
argmax(alpha + g), g standard Gumbel: the sampled route of Algorithm 1. Backwards z is replaced by
softmax((alpha + g) / temperature) (Jang et al. 2017; Maddison et al. 2017), so that alpha gets the
gradient of the validation loss. Weight steps, mini-batches and their number are those of REINFORCE.
Shapes: M members, B batch, D input, K blocks, R local routes, C query candidates of a block, S
subsets of values, V (or W) values, H hidden.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from mtnas.methods.parts.layers import mix
from mtnas.methods.parts.model import Model
from mtnas.search.architecture import Architecture, Floats, Index
from mtnas.search.reinforce import Search
from mtnas.search.rewards import check_finite, check_outputs
from mtnas.search.supernet import Supernet
from mtnas.training.selection import weighted


class GumbelSearch(Search):
    """Algorithm 1, but alpha follows the gradient of the validation loss instead of rewards."""

    _noisy_MKR: Floats  # alpha + g of the routes sampled last

    def _sample(self) -> Index:
        """Draw u = argmax(alpha + g), distributed as p(alpha), and keep alpha + g."""
        alpha_MKR = self._architecture.alpha_MKR
        noise_MKR = np.stack([rng.gumbel(size=alpha_MKR.shape[1:]) for rng in self._rngs])
        self._noisy_MKR = np.where(self._architecture.exists_KR, alpha_MKR + noise_MKR, -np.inf)
        return np.asarray(self._noisy_MKR.argmax(-1))

    def _architecture_step(self, index_MK: Index) -> Floats:
        """Take a step of alpha that lowers the validation loss; return minus this loss, [M]."""
        gradients, rewards = [], []
        for tried_MK, batch_MB in self._tries(index_MK):
            slope_MKR, loss_M = slopes(self._supernet, self._architecture, tried_MK, batch_MB)
            p_MKR = self._architecture.softmax(self._noisy_MKR / self._options.temperature)
            towards_MKR = slope_MKR - (p_MKR * slope_MKR).sum(-1, keepdims=True)
            gradients.append(-p_MKR * towards_MKR / self._options.temperature)
            rewards.append(check_finite(-loss_M))
        self._ascend(np.stack(gradients))
        return np.asarray(np.mean(rewards, axis=0))


def slopes(
    supernet: Supernet, architecture: Architecture, index_MK: Index, batch_MB: Tensor
) -> tuple[Floats, Floats]:
    """Return d loss / d z at the routes `index_MK`, slope_MKR (zero where no route is), and loss_M.

    The loss is that of a validation batch, summed over tasks by their weights in the MTL loss
    (`Examples.task_weights`).

    Raises:
        TrainingError: an output is not a finite number.
    """
    x_MBD, y_MBT = supernet.validation(batch_MB)
    ensemble, sizes = supernet.ensemble, architecture.sizes_K.tolist()
    relaxed = Relaxed(ensemble.template, architecture)
    chosen = torch.from_numpy(index_MK).to(ensemble.device)
    z = [
        torch.nn.functional.one_hot(chosen[:, k], size).to(x_MBD).requires_grad_()
        for k, size in enumerate(sizes)
    ]
    bank = supernet.bank  # none with mean pooling
    gated = sizes[: len(architecture.space.network.blocks)]
    gates = [] if bank is None else [bank.of_block(k, size) for k, size in enumerate(gated)]
    named = {**ensemble.params, **ensemble.buffers}.items()

    def one(state: Mapping[str, Tensor], x: Tensor, z: list[Tensor], gates: list[Tensor]) -> Tensor:
        out_BO: Tensor = functional_call(relaxed, dict(state), (x, z, gates))
        return out_BO

    out_MBO = check_outputs(vmap(one)({f"model.{name}": t for name, t in named}, x_MBD, z, gates))
    examples = supernet.examples
    loss_MT = examples.output_layout.batch_loss(out_MBO, y_MBT, complete=examples.complete)
    loss_M = weighted(loss_MT, ensemble, examples.task_weights).sum(-1)
    # Members share nothing, so the gradient of the sum is the gradient of each.
    slope_MKR = np.zeros((len(ensemble), len(sizes), max(sizes)))
    for k, slope_MR in enumerate(torch.autograd.grad(loss_M.sum(), z)):
        slope_MKR[:, k, : sizes[k]] = slope_MR.cpu().numpy()
    return slope_MKR, loss_M.detach().double().cpu().numpy()


class Relaxed(nn.Module):
    """A model in which every block passes on a weighted sum over all of its local routes."""

    def __init__(self, model: Model, architecture: Architecture) -> None:
        """Wrap the model of an ensemble; the route in it is ignored."""
        super().__init__()
        self.model = model
        self._space, self._values_KRV = architecture.space, architecture.values_KRV

    def forward(self, x_BD: Tensor, z: list[Tensor], gates: list[Tensor]) -> Tensor:
        """Return out_BO, given for every block the weights z_R and, if any, gate_RVH."""

        def mixed(block: slice, h_WBH: Tensor, nodes_CBH: Tensor) -> Tensor:
            scores = [
                self._scores(k, z[k], gates[k], nodes_CBH)
                if k < len(gates)
                else self._shares(k, z[k])[: len(h_WBH)].expand(nodes_CBH.shape[1], -1)
                for k in range(block.start, block.stop)
            ]
            return mix(torch.stack(scores), h_WBH)

        x = self.model.shared_input(x_BD)
        out_BO: Tensor = self.model.heads(self.model.sharing(x, mixed=mixed))
        return out_BO

    def _shares(self, k: int, z_R: Tensor) -> Tensor:
        """Return sum_r z_r m_r, where m_r weighs the values of local route r alike: [V]."""
        chosen_RV = self._values(k, z_R).to(z_R)
        return z_R @ (chosen_RV / chosen_RV.sum(-1, keepdim=True))

    def _values(self, k: int, z_R: Tensor) -> Tensor:
        return torch.from_numpy(self._values_KRV[k, : len(z_R)]).to(z_R.device)

    def _scores(self, k: int, z_R: Tensor, gate_RVH: Tensor, nodes_CBH: Tensor) -> Tensor:
        """Return sum_r z_r m_r, where m_r are the scores (Eq. 1) of local route r: [B, V]."""
        queries = self._space.queries(self._space.blocks[k])
        asked_CBH = nodes_CBH[[self._space.nodes.index(str(query)) for query in queries]]
        by_query = (len(queries), len(z_R) // len(queries))  # the query varies slowest
        gate_CSVH = gate_RVH.reshape(*by_query, *gate_RVH.shape[1:])
        e_CSBV = torch.einsum("cbh,csvh->csbv", asked_CBH, gate_CSVH)
        left_out = ~self._values(k, z_R)[:, : gate_RVH.shape[1]].reshape(*by_query, 1, -1)
        m_CSBV = e_CSBV.masked_fill(left_out, -torch.inf).softmax(-1)
        return torch.einsum("cs,csbv->bv", z_R.reshape(by_query), m_CSBV)
