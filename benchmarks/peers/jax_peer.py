"""JAX and optax: the network of `benchmarks.work`, one compiled step, a dense table.

The same mathematics as torch's fused Adam: coupled L2 on everything (`add_decayed_weights` before
`scale_by_adam`), the gradient of the whole table. Its arrays are given back to the step, so that it
updates them in place.
"""

import os
from collections.abc import Callable
from functools import partial

import torch

# XLA takes a thread for every core that it may use, and has no option for less.
if torch.get_num_threads() == 1:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.work import (
    BATCH,
    EMBEDDING_DIM,
    EXPERT_DIM,
    EXPERTS,
    FIELDS,
    L2,
    LEARNING_RATE,
    ROOT_DIM,
    TASKS,
    Work,
)

Weights = dict[str, jax.Array]


def build(work: Work) -> Callable[[int], float]:
    """Compile a training step; the result trains on one batch and returns the summed loss."""
    weights = _drawn(work.num_rows)
    adam = optax.chain(
        optax.add_decayed_weights(L2), optax.scale_by_adam(), optax.scale(-LEARNING_RATE)
    )
    state = adam.init(weights)

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(
        weights: Weights, state: optax.OptState, ids_BF: jax.Array, y_BT: jax.Array
    ) -> tuple[Weights, optax.OptState, jax.Array]:
        loss, grads = jax.value_and_grad(_loss)(weights, ids_BF, y_BT)
        updates, state = adam.update(grads, state, weights)
        return optax.apply_updates(weights, updates), state, loss

    ids = work.ids.astype(np.int32)

    def train(number: int) -> float:
        nonlocal weights, state
        rows = work.batch(number)
        weights, state, loss = step(weights, state, ids[rows], work.labels[rows])
        return float(loss)

    return train


def _drawn(num_rows: int) -> Weights:
    rng = np.random.default_rng(0)

    def uniform(fan_in: int, *shape: int) -> jax.Array:
        bound = fan_in**-0.5
        return jnp.asarray(rng.uniform(-bound, bound, shape).astype(np.float32))

    inputs = FIELDS * EMBEDDING_DIM
    table = 0.01 * rng.standard_normal((num_rows, EMBEDDING_DIM), np.float32)
    return {
        "table": jnp.asarray(table),
        "root": uniform(inputs, inputs, ROOT_DIM),
        "root_bias": uniform(inputs, ROOT_DIM),
        "experts": uniform(ROOT_DIM, ROOT_DIM, EXPERTS * EXPERT_DIM),
        "experts_bias": uniform(ROOT_DIM, EXPERTS * EXPERT_DIM),
        "gates": uniform(ROOT_DIM, ROOT_DIM, TASKS * EXPERTS),
        "towers": uniform(EXPERT_DIM, TASKS, EXPERT_DIM),
        "towers_bias": uniform(EXPERT_DIM, TASKS),
    }


def _loss(weights: Weights, ids_BF: jax.Array, y_BT: jax.Array) -> jax.Array:
    """Return the loss of a batch: the mean over examples, summed over tasks."""
    x_BD = weights["table"][ids_BF].reshape(len(ids_BF), -1)
    root = jax.nn.relu(x_BD @ weights["root"] + weights["root_bias"])
    h_BO = jax.nn.relu(root @ weights["experts"] + weights["experts_bias"])
    h_BEH = h_BO.reshape(-1, EXPERTS, EXPERT_DIM)
    scores_BTE = jax.nn.softmax((root @ weights["gates"]).reshape(-1, TASKS, EXPERTS))
    mixed_BTH = scores_BTE @ h_BEH
    logit_BT = (mixed_BTH * weights["towers"]).sum(-1) + weights["towers_bias"]
    return optax.sigmoid_binary_cross_entropy(logit_BT, y_BT).sum() / BATCH
