"""The shared linear model: one matrix B for all tasks, one head A_i for each, squared loss.

Wu, Zhang, Ré (ICLR 2020), Sec. 2.1, Eqs. (1) and (2) with the identity as activation: minimise
sum_i w_i |X_i B A_i - y_i|^2. The loss is a sum over rows, so larger tasks weigh more. R, the
columns of B, is the capacity. Shapes: N rows (of each task its own number), D inputs, R capacity,
K tasks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from mtnas.runtime.errors import ConfigError, DataError, TrainingError
from mtnas.transfer.arrays import Floats, TaskData, matrix, rank_within, task_weights_of, vector

_TOLERANCE = 1e-10  # of a loss, relative, at which it no longer falls
_ROUNDING = 1e-14  # of the labels, below which a loss is zero
_TURNS = 200
_LEAP = 8  # every so many turns BFGS takes over


@dataclass(frozen=True, eq=False)
class Shared:
    """A fitted model; task i predicts X_i B A_i.

    Attributes:
        b_DR: the shared matrix.
        a_KR: a head per task.
        loss: the weighted sum of squared errors, Eq. (2).
        converged: whether the loss had stopped falling (or can be no lower) when the fit ended.
    """

    b_DR: Floats
    a_KR: Floats
    loss: float
    converged: bool

    @property
    def theta(self) -> Floats:
        """B A_i for every task, [D, K]: the linear models that the tasks end up with."""
        return self.b_DR @ self.a_KR.T


def single(x_ND: ArrayLike, y_N: ArrayLike) -> Floats:
    """Return what one task learns alone, theta = (X'X)^+ X'y: of all best ones the shortest."""
    x = matrix(x_ND, "inputs")
    return _least_squares(x, vector(y_N, len(x), "labels"))


def heads(x_ND: ArrayLike, b_DR: ArrayLike, y: ArrayLike) -> Floats:
    """Return the best head A [R] for labels [N], or the heads [K, R] for labels [N, K]."""
    x, b = matrix(x_ND, "inputs"), matrix(b_DR, "B")
    one = np.ndim(y) == 1
    labels = matrix(np.reshape(y, (-1, 1)) if one else y, "labels")
    if x.shape[1] != len(b) or len(x) != len(labels):
        raise DataError(f"heads: X {x.shape}, B {b.shape}, labels {np.shape(y)} do not fit")
    solution_RK = _least_squares(x @ b, labels)
    return solution_RK[:, 0] if one else solution_RK.T


def fit(
    xs: Sequence[ArrayLike],
    ys: Sequence[ArrayLike],
    rank: int,
    *,
    rng: np.random.Generator,
    weights: ArrayLike | None = None,
    starts: int = 2,
) -> Shared:
    """Minimise Eq. (2) over B [D, rank] and all heads, by alternating least squares.

    Every task has its own inputs and number of rows. Best heads given B and best B given the heads
    (the shortest, if there are many) take turns, from several beginnings: what the tasks learn
    alone, and `starts` random ones. The lowest loss wins, the earlier one among equals. From
    rank K on, what the tasks learn alone is such an optimum (Proposition 1).

    Args:
        xs: inputs [N_i, D] of each task.
        ys: labels [N_i] of each task.
        rank: columns of B, the capacity.
        rng: draws the random beginnings.
        weights: of the losses of the tasks, above 0; 1 if None.
        starts: random beginnings, 0 or more.

    Raises:
        ConfigError: a rank, a weight or a number of starts that cannot be.
        DataError: inputs or labels that are not finite, or do not fit together.
        TrainingError: the loss is not finite.
    """
    tasks = _weighted(task_data(xs, ys), weights)
    rank_within(rank, 10**6, "fit")
    if starts < 0:
        raise ConfigError(f"fit: starts {starts}; allowed: 0 or more")
    alone_DK = np.stack([_least_squares(x, y) for x, y in tasks], axis=1)
    return _lowest(tasks, alone_DK, _beginnings(alone_DK, rank, starts, rng))


def _lowest(
    tasks: Sequence[TaskData],
    alone_DK: Floats,
    beginnings: Iterator[tuple[Floats, Floats | None]],
) -> Shared:
    """Descend from each beginning, unless one reaches what the tasks reach alone: none is lower."""
    zero = _ROUNDING * sum(float(y @ y) for _, y in tasks)
    alone = sum(_error(x @ theta, y) for (x, y), theta in zip(tasks, alone_DK.T, strict=True))
    floor = alone * (1 + _TOLERANCE) + zero
    found: list[Shared] = []
    for b_DR, a_KR in beginnings:
        found.append(_descend(tasks, b_DR, a_KR, floor, zero))
        if found[-1].loss <= floor:
            break
    return min(found, key=lambda shared: shared.loss)


def task_data(xs: Sequence[ArrayLike], ys: Sequence[ArrayLike]) -> list[TaskData]:
    """Return the checked inputs and labels of each task; a `DataError` if they do not fit."""
    if not xs or len(xs) != len(ys):
        raise DataError(
            f"tasks: inputs of {len(xs)}, labels of {len(ys)}; needs as many, 1 or more"
        )
    inputs = [matrix(x, f"inputs of task {i}") for i, x in enumerate(xs)]
    if len(dims := {x.shape[1] for x in inputs}) > 1:
        raise DataError(f"tasks: {sorted(dims)} inputs; needs as many in every task")
    return [
        TaskData(x, vector(y, len(x), f"labels of task {i}"))
        for i, (x, y) in enumerate(zip(inputs, ys, strict=True))
    ]


def shared_x_optimum(
    x_ND: ArrayLike, ys_NK: ArrayLike, rank: int, weights: ArrayLike | None = None
) -> Floats:
    """Return the best B [D, rank] of tasks with the same inputs, in closed form.

    Proposition 3: with X = U S V' of rank D, the columns of B span those of V S^-1 Q, where Q are
    the top left singular vectors of U'Y diag(sqrt(w)); that is what is returned.

    Raises:
        ConfigError: `rank` is more than the tasks or the inputs, or a weight is not above 0.
        DataError: X is not of rank D, or the labels do not fit.
    """
    x, y = matrix(x_ND, "inputs"), matrix(ys_NK, "labels")
    if len(x) != len(y):
        raise DataError(f"tasks: {len(x)} rows of inputs, {len(y)} of labels; needs as many")
    rank_within(rank, min(y.shape[1], x.shape[1]), "shared_x_optimum")
    u_ND, s_D, vt_DD = np.linalg.svd(x, full_matrices=False)
    if len(s_D) < x.shape[1] or s_D[-1] <= s_D[0] * len(x) * np.finfo(float).eps:
        raise DataError("inputs: their rank is below their number; Proposition 3 needs full rank")
    weighted_DK = u_ND.T @ y * np.sqrt(task_weights_of(weights, y.shape[1]))
    q_DR = np.linalg.svd(weighted_DK, full_matrices=False)[0][:, :rank]
    return np.asarray((vt_DD.T / s_D) @ q_DR)


def _weighted(tasks: Sequence[TaskData], weights: ArrayLike | None) -> list[TaskData]:
    """Return tasks with the same solutions: scaled by their weights, and without needless rows.

    X = QR with Q'Q = 1: rows beyond D are replaced by R, and one row of zeros whose label is the
    part of y that no model of X explains.
    """
    scales = np.sqrt(task_weights_of(weights, len(tasks)))
    return [_fewer_rows(x * scale, y * scale) for (x, y), scale in zip(tasks, scales, strict=True)]


def _fewer_rows(x_ND: Floats, y_N: Floats) -> TaskData:
    rows, dim = x_ND.shape
    if rows <= dim + 1:
        return TaskData(x_ND, y_N)
    q_ND, r_DD = np.linalg.qr(x_ND)
    explained_D = q_ND.T @ y_N
    rest = np.linalg.norm(y_N - q_ND @ explained_D)
    return TaskData(np.vstack([r_DD, np.zeros(dim)]), np.append(explained_D, rest))


def _beginnings(
    alone_DK: Floats, rank: int, starts: int, rng: np.random.Generator
) -> Iterator[tuple[Floats, Floats | None]]:
    """Yield B, and heads where they are known, to begin with."""
    dim, tasks = alone_DK.shape
    if rank >= tasks:
        yield _wider(alone_DK, rank), _wider(np.eye(tasks), rank)
    else:
        yield np.linalg.svd(alone_DK, full_matrices=False)[0][:, :rank], None
        for first in range(tasks):
            yield alone_DK[:, np.arange(first, first + rank) % tasks], None
    for _ in range(starts):
        yield rng.standard_normal((dim, rank)), None


def _wider(columns: Floats, width: int) -> Floats:
    return np.pad(columns, [(0, 0), (0, width - columns.shape[1])])


def _descend(
    tasks: Sequence[TaskData], b_DR: Floats, a_KR: Floats | None, floor: float, zero: float
) -> Shared:
    """Descend from one beginning until the loss falls no more, or is at the floor."""
    b_DR = _unit_columns(b_DR) if a_KR is None else b_DR
    a_KR = _best_heads(tasks, b_DR) if a_KR is None else a_KR
    loss = _loss(tasks, b_DR, a_KR)
    for turn in range(_TURNS):
        if loss <= floor:
            return Shared(b_DR, a_KR, loss, True)
        given_KR = _leap(tasks, a_KR) if turn % _LEAP == _LEAP - 1 else a_KR
        b_DR = _unit_columns(_best_shared(tasks, given_KR))
        a_KR = _best_heads(tasks, b_DR)
        before, loss = loss, _loss(tasks, b_DR, a_KR)
        if before - loss <= _TOLERANCE * loss + zero:
            return Shared(b_DR, a_KR, loss, True)
    return Shared(b_DR, a_KR, loss, False)


def _leap(tasks: Sequence[TaskData], a_KR: Floats) -> Floats:
    """Return better heads by BFGS on the loss of the best B given the heads.

    Taking turns alone can need thousands of them. The gradient is that of the heads at that B.
    """

    def loss_and_gradient(flat: Floats) -> tuple[float, Floats]:
        heads_KR = flat.reshape(a_KR.shape)
        b_DR = _best_shared(tasks, heads_KR)
        return _loss(tasks, b_DR, heads_KR), _gradient(tasks, b_DR, heads_KR).ravel()

    scaled = a_KR / np.linalg.norm(a_KR)
    found = scipy.optimize.minimize(loss_and_gradient, scaled.ravel(), jac=True, method="BFGS")
    return np.asarray(found.x, dtype=np.float64).reshape(a_KR.shape)


def _gradient(tasks: Sequence[TaskData], b_DR: Floats, a_KR: Floats) -> Floats:
    inner = [x @ b_DR for x, _ in tasks]
    return np.stack(
        [2 * z.T @ (z @ a_R - y) for z, a_R, (_, y) in zip(inner, a_KR, tasks, strict=True)]
    )


def _unit_columns(b_DR: Floats) -> Floats:
    """Scale columns to length 1, so that neither B nor the heads run away; zeros stay."""
    lengths = np.linalg.norm(b_DR, axis=0)
    return b_DR / np.where(lengths > 0, lengths, 1.0)


def _best_heads(tasks: Sequence[TaskData], b_DR: Floats) -> Floats:
    return np.stack([_best_head(x @ b_DR, y) for x, y in tasks])


def _best_head(z_NR: Floats, y_N: Floats) -> Floats:
    if z_NR.shape[1] > 1:
        return _least_squares(z_NR, y_N)
    length = float(np.vdot(z_NR, z_NR))  # <XB, y> / |XB|^2, Sec. 2.3
    return z_NR.T @ y_N / length if length else np.zeros(1)


def _best_shared(tasks: Sequence[TaskData], a_KR: Floats) -> Floats:
    """Return the shortest best B given the heads: row n of task i sees x_n outer A_i."""
    dim, rank = tasks[0].x_ND.shape[1], a_KR.shape[1]
    rows = [np.kron(x, a_R) for (x, _), a_R in zip(tasks, a_KR, strict=True)]
    solution = _least_squares(np.vstack(rows), np.concatenate([y for _, y in tasks]))
    return solution.reshape(dim, rank)


def _loss(tasks: Sequence[TaskData], b_DR: Floats, a_KR: Floats) -> float:
    loss = sum(_error(x @ (b_DR @ a_R), y) for (x, y), a_R in zip(tasks, a_KR, strict=True))
    if not np.isfinite(loss):
        raise TrainingError(f"shared linear model: the loss is {loss}; make the inputs smaller")
    return loss


def _error(predicted_N: Floats, y_N: Floats) -> float:
    return float(np.sum((predicted_N - y_N) ** 2))


def _least_squares(x_ND: Floats, y: Floats) -> Floats:
    """Return the shortest of all best solutions, for one column of labels or many."""
    cut = max(x_ND.shape) * np.finfo(float).eps
    solution = scipy.linalg.lstsq(x_ND, y, cond=cut, lapack_driver="gelsy", check_finite=False)[0]
    return np.asarray(solution)
