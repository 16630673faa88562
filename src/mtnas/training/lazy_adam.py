"""Adam for embedding tables, row by row (`training.row_adam`): make up for the steps a row missed.

Adam with weight decay changes all rows at every step. For a row that the batch did not contain, the
gradient is that of its own weight decay, g = decay * w, so the step depends on this row alone. It
need not be done at once: all missed steps are done (replayed) when the row is next read.

Three ways to replay, from the first to the last step missed:

* single steps, which is what a dense update does;
* jumps: once the momentum of the last real gradient is gone, v moves by 0.1 % a step and almost by
  itself. With the step size frozen at its middle, n steps are the n-th power of a 2 x 2 matrix on
  (w, m). Left out in exact mode;
* when nothing is left of w and m that a prediction could see, they stay zero and v fades.

Shapes: R rows of a table, E embedding dimension, B rows a batch reads (with repeats), I lanes: the
elements of the rows of one block, flat.
"""

import math
from typing import NamedTuple

import numpy as np

from mtnas.training.kernels import Array, Rows, compiled

BLOCK = 16  # rows replayed side by side: enough lanes to hide the latency of sqrt and division
CHUNK = 16  # single steps between two decisions
CALM = 16  # single steps before the first jump: a fifth of the last momentum is left
DOUBLINGS = 6  # of the longest jump: 64 steps
SMOOTH = 0.1  # a jump may not add more than this share to v


class Rule(NamedTuple):
    """The constants of Adam with coupled L2, in the type of the table."""

    decay: float
    keep_first: float
    add_first: float
    keep_second: float
    add_second: float
    eps: float
    vanished: float  # what |w| must fall below to count as zero
    exact: bool  # no jumps
    fades: Array  # keep_second to the power of 1, 2, 4 ... 2 ** DOUBLINGS


class State(NamedTuple):
    """A table and its moments [R, E], and the last step that every row has seen [R]."""

    w: Array
    m: Array
    v: Array
    done: Rows


class Lanes(NamedTuple):
    """The elements of one block of rows, the last step that each has seen, and scratch; all [I]."""

    w: Array
    m: Array
    v: Array
    since: Rows
    q: Array
    p: Array
    r: Array


@compiled
def replay(
    part: int, parts: int, rows: Rows, table: State, to_rows: Rows, to: State, now: int,
    rates: Array, rule: Rule,
) -> None:  # fmt: skip
    """Bring `rows` of `table` to step `now` and write them to `to_rows` of `to`.

    One part of `parts` is done; rows should come sorted by age. `rates` [steps, 2] are, per step,
    the learning rate and the scale of sqrt(v), both with Adam's bias correction.
    """
    room = _room(table.w)
    for start in range(part * BLOCK, rows.shape[0], parts * BLOCK):
        lanes = _load(rows[start : start + BLOCK], table, room)
        _catch_up(lanes, now, rates, rule)
        _store(to_rows[start : start + BLOCK], to, lanes, now)


@compiled
def _catch_up(lanes: Lanes, now: int, rates: Array, rule: Rule) -> None:
    """Bring all lanes of a block to step `now`."""
    step, youngest = lanes.since.min(), lanes.since.max()
    while step < now:
        taken = min(CHUNK, now - step)
        jumped = False
        if not rule.exact and taken == CHUNK and step >= youngest + CALM:
            doublings = DOUBLINGS
            while 1 << doublings > now - step:
                doublings -= 1
            jumped = _jump(lanes, doublings, rates[step + (1 << doublings - 1)], rule)
            if jumped:
                taken = 1 << doublings
        if not jumped:
            _single_steps(lanes, step, step + taken, rates, rule)
        step += taken
        if step < now and step >= youngest and _vanished(lanes, rule):
            _fade(lanes, now - step, rule)
            step = now


@compiled
def add_up(grad: Array, position: Rows, count: int) -> Array:
    """Add up, in order, the gradients [B, E] of equal rows: [count, E]."""
    dim = grad.shape[1]
    total = np.zeros((count, dim), grad.dtype)
    for i in range(position.shape[0]):
        for e in range(dim):
            total[position[i], e] += grad[i, e]
    return total


@compiled
def touch(
    part: int, parts: int, rows: Rows, table: State, fresh: State, grad: Array, step: int,
    rates: Array, rule: Rule,
) -> None:  # fmt: skip
    """Take the next step, number `step` + 1, on `rows` of `table`, given as they are in `fresh`.

    `grad` [rows, E] is the gradient of the loss.
    """
    room = _room(table.w)
    rate, scale = rates[step, 0], rates[step, 1]
    every = np.arange(rows.shape[0], dtype=np.int32)
    for start in range(part * BLOCK, rows.shape[0], parts * BLOCK):
        lanes = _load(every[start : start + BLOCK], fresh, room)
        w, m, v = lanes.w, lanes.m, lanes.v
        real = grad[start : start + BLOCK].reshape(-1)
        for i in range(w.shape[0]):
            g = real[i] + rule.decay * w[i]
            m[i] = rule.keep_first * m[i] + rule.add_first * g
            v[i] = rule.keep_second * v[i] + rule.add_second * (g * g)
            w[i] -= rate * m[i] / (math.sqrt(v[i]) * scale + rule.eps)
        _store(rows[start : start + BLOCK], table, lanes, step + 1)


@compiled
def _single_steps(lanes: Lanes, start: int, stop: int, rates: Array, rule: Rule) -> None:
    """Take steps start + 1 .. stop on every lane that has not seen them."""
    w, m, v, since = lanes.w, lanes.m, lanes.v, lanes.since
    for step in range(start, stop):
        rate, scale = rates[step, 0], rates[step, 1]
        for i in range(w.shape[0]):
            g = rule.decay * w[i]
            first = rule.keep_first * m[i] + rule.add_first * g
            second = rule.keep_second * v[i] + rule.add_second * (g * g)
            weight = w[i] - rate * first / (math.sqrt(second) * scale + rule.eps)
            due = since[i] <= step
            m[i] = first if due else m[i]
            v[i] = second if due else v[i]
            w[i] = weight if due else w[i]


@compiled
def _jump(lanes: Lanes, doublings: int, rate_scale: Array, rule: Rule) -> bool:
    """Take 2 ** doublings steps at once, or return False if one lane is not smooth enough.

    One step is (w, m) -> A (w, m) with A = [[1 - q d, -q k], [d, k]], where q is the step size
    over sqrt(v), d = add_first * decay and k = keep_first. By Cayley and Hamilton a power of A is
    p A + r I, and (p A + r I)^2 = (p^2 tr A + 2 p r) A + (r^2 - p^2 det A) I.
    """
    w, m, v, _, q, p, r = lanes
    d, k = rule.add_first * rule.decay, rule.keep_first
    real = w.dtype.type  # plain numbers would make all of this double precision
    one, two, third = real(1), real(2), real(1 / 3)
    half, full = rule.fades[doublings - 1], rule.fades[doublings]
    gain = rule.add_second * real(1 << doublings) * rule.decay * rule.decay
    rate, scale = rate_scale[0], rate_scale[1]
    rough = np.int32(0)
    for i in range(w.shape[0]):
        q[i] = rate / (math.sqrt(half * v[i] + gain / two * w[i] * w[i]) * scale + rule.eps)
        wild = (q[i] * d > one) & (w[i] != 0)
        rough += np.int32((gain * w[i] * w[i] > real(SMOOTH) * v[i]) | wild)
        q[i] = min(q[i], one / d)
        p[i], r[i] = one, real(0)
    if rough:
        return False
    for _ in range(doublings):
        for i in range(w.shape[0]):
            p_ = p[i]
            p[i] = p_ * (p_ * (one + k - q[i] * d) + two * r[i])
            r[i] = r[i] * r[i] - p_ * p_ * k
    for i in range(w.shape[0]):
        first = d * w[i] + k * m[i]
        weight = p[i] * (w[i] - q[i] * first) + r[i] * w[i]
        m[i] = p[i] * first + r[i] * m[i]
        v[i] = full * v[i] + gain * third * (w[i] * w[i] + w[i] * weight + weight * weight)
        w[i] = weight
    return True


@compiled
def _vanished(lanes: Lanes, rule: Rule) -> bool:
    """Tell whether no weight is, or will by its momentum become, larger than `rule.vanished`."""
    alive = np.int32(0)
    for i in range(lanes.w.shape[0]):
        drift = abs(lanes.m[i]) * rule.add_second
        limit = rule.vanished * (math.sqrt(lanes.v[i]) + rule.eps)
        alive += np.int32((not abs(lanes.w[i]) < rule.vanished) | (not drift < limit))
    return bool(alive == 0)


@compiled
def _fade(lanes: Lanes, steps: int, rule: Rule) -> None:
    """Take any number of steps on weights that are zero to the eye."""
    factor = lanes.v.dtype.type(rule.keep_second**steps)
    for i in range(lanes.w.shape[0]):
        lanes.w[i], lanes.m[i], lanes.v[i] = 0, 0, lanes.v[i] * factor


@compiled
def _room(like: Array) -> Lanes:
    """Return scratch for one block of rows [E]."""
    size = BLOCK * like.shape[1]
    real = np.empty((6, size), like.dtype)
    since = np.empty(size, np.int32)
    return Lanes(real[0], real[1], real[2], since, real[3], real[4], real[5])


@compiled
def _load(rows: Rows, table: State, room: Lanes) -> Lanes:
    """Copy the elements of up to BLOCK rows into `room`."""
    w, m, v, done = table
    dim = w.shape[1]
    size = rows.shape[0] * dim
    lanes = Lanes(
        room.w[:size], room.m[:size], room.v[:size], room.since[:size],
        room.q[:size], room.p[:size], room.r[:size],
    )  # fmt: skip
    for j in range(rows.shape[0]):
        row, first = rows[j], j * dim
        for e in range(dim):
            lanes.w[first + e] = w[row, e]
        for e in range(dim):
            lanes.m[first + e] = m[row, e]
        for e in range(dim):
            lanes.v[first + e] = v[row, e]
        lanes.since[first : first + dim] = done[row]
    return lanes


@compiled
def _store(rows: Rows, table: State, lanes: Lanes, now: int) -> None:
    """Copy the elements of a block, which has seen step `now`, to `rows` of a table."""
    w, m, v, done = table
    dim = w.shape[1]
    for j in range(rows.shape[0]):
        row, first = rows[j], j * dim
        done[row] = now
        for e in range(dim):
            w[row, e] = lanes.w[first + e]
        for e in range(dim):
            m[row, e] = lanes.m[first + e]
        for e in range(dim):
            v[row, e] = lanes.v[first + e]
