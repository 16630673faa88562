"""Planted tasks, to see transfer where the truth is known. Simulated, never measured.

What Wu, Zhang, Ré (ICLR 2020) leave open is an argument with a default. All randomness comes from
the generator that is given. Shapes: N rows, D inputs, K tasks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtnas.runtime.errors import ConfigError
from mtnas.transfer.arrays import Floats, TaskData, rank_within

SOURCES = ("aligned", "other_directions", "rotated")


@dataclass(frozen=True, eq=False)
class Planted:
    """Tasks and their truth.

    Attributes:
        tasks: inputs [N_i, D] and labels [N_i] of each task; the first is the target.
        theta_DK: the model behind the labels of each task.
        covariance_KDD: E[x x'] of each task.
    """

    tasks: tuple[TaskData, ...]
    theta_DK: Floats
    covariance_KDD: Floats

    def excess_risk(self, theta_D: Floats, task: int = 0) -> float:
        """Return the expected squared error of a model on a new row, without the label's noise."""
        error_D = theta_D - self.theta_DK[:, task]
        return float(error_D @ self.covariance_KDD[task] @ error_D)

    def signal(self, task: int = 0) -> float:
        """Return the second moment of the labels of a task without their noise."""
        return self.excess_risk(np.zeros(len(self.theta_DK)), task)


def three_tasks(
    rng: np.random.Generator,
    rows: int = 50,
    angle: float = 30.0,
    wedge_share: float = 0.4,
    flips: float = 0.1,
) -> Planted:
    """Draw the demonstration of the authors' blog, Fig. 3: one model, other data, other transfer.

    Three tasks in two dimensions, labels -1 and 1, as many rows each. The boundaries of tasks 2 and
    3 are the same line, turned by `angle` degrees from that of task 1 (the target). In the wedge
    between the lines labels contradict each other: task 2 has no rows there, task 3 has a share.

    Args:
        rng: all randomness.
        rows: of each task.
        angle: between the boundaries, in degrees, above 0 and below 180.
        wedge_share: expected share of the rows of task 3 in the wedge, from 0 to 1.
        flips: share of labels, on average, with the wrong sign, from 0 to 1.

    Raises:
        ConfigError: an argument out of its range.
    """
    _check("angle", angle, 0 < angle < 180, "above 0 and below 180 degrees")
    _check_share(wedge_share=wedge_share, flips=flips)
    _check_rows(rows=rows)
    turn = np.deg2rad(angle)
    theta_DK = np.array([[1.0, np.cos(turn), np.cos(turn)], [0.0, np.sin(turn), np.sin(turn)]])
    shares = (turn / np.pi, 0.0, wedge_share)
    xs = [_around_wedge(rng, turn, rng.random(rows) < share) for share in shares]
    tasks = [_signed(rng, x, theta_DK[:, k], flips) for k, x in enumerate(xs)]
    return Planted(tuple(tasks), theta_DK, np.stack([_wedge_moments(turn, s) for s in shares]))


def _around_wedge(rng: np.random.Generator, turn: float, inside_N: NDArray[np.bool_]) -> Floats:
    """Draw points [N, 2] whose length is that of a Gaussian, in the wedge or out of it.

    With w_1 = (1, 0) and w_2 turned by `turn`, signs differ at directions from 90 to 90 + turn
    degrees, and opposite.
    """
    rows = len(inside_N)
    within = rng.random(rows)
    direction = np.where(inside_N, within * turn, turn + within * (np.pi - turn)) + np.pi / 2
    direction += np.pi * rng.integers(2, size=rows)
    length = np.sqrt(rng.chisquare(2, rows))
    unit_N2 = np.stack([np.cos(direction), np.sin(direction)], axis=1)
    return np.asarray(length[:, None] * unit_N2)


def _wedge_moments(turn: float, share: float) -> Floats:
    """Return E[x x'] of points of which a share is in the wedge, evenly; E|x|^2 = 2."""
    inside, outside = (np.pi / 2, turn), (np.pi / 2 + turn, np.pi - turn)
    return share * _arc_moments(*inside) + (1 - share) * _arc_moments(*outside)


def _arc_moments(start: float, width: float) -> Floats:
    """Return E[x x'] of points with directions spread evenly over an arc, where E|x|^2 = 2."""
    middle, ratio = 2 * start + width, np.sinc(width / np.pi)  # sin(width) / width
    cos, sin = ratio * np.cos(middle), ratio * np.sin(middle)
    return np.array([[1 + cos, sin], [sin, 1 - cos]])


def _signed(rng: np.random.Generator, x_ND: Floats, theta_D: Floats, flips: float) -> TaskData:
    wrong = rng.random(len(x_ND)) < flips
    return TaskData(x_ND, np.where(x_ND @ theta_D >= 0, 1.0, -1.0) * np.where(wrong, -1.0, 1.0))


def rotated(
    rng: np.random.Generator,
    dim: int = 100,
    target_rows: int = 20,
    source_rows: int = 800,
    kappa: float = 100.0,
    noise: float = 1.0,
    cosine: float = 0.96,
    overlap: float = 0.0,
) -> Planted:
    """Draw a target and three sources that differ in covariance alone (Sec. 2.3).

    X = R D Q, R Gaussian, D diagonal (kappa on a tenth of the coordinates, else 1), Q orthonormal;
    the paper prints R Q D, in which Q has no effect: R Q is as Gaussian as R. The target, task 1,
    has theta_1, D_1, Q_1. The sources (`SOURCES`) have theta_2, and task 2 D_1, Q_1 (aligned), task
    3 D_2, Q_1 (another tenth), task 4 D_1, Q_2.

    Args:
        rng: all randomness.
        dim: inputs, 20 or more, a multiple of 10.
        target_rows: rows of task 1.
        source_rows: rows of each source; the first m of them are a source of m rows.
        kappa: spread along the chosen tenth, above 0; elsewhere it is 1.
        noise: standard deviation of the labels' noise, as a multiple of that of their signal.
        cosine: of theta_1 and theta_2, from -1 to 1; both have length 1.
        overlap: share of the tenth of D_2 that is also in that of D_1; in the paper 0.

    Raises:
        ConfigError: an argument out of its range.
    """
    _check("cosine", cosine, -1 <= cosine <= 1, "from -1 to 1")
    _check("noise", noise, 0 <= noise < np.inf, "0 or more")
    _check_rows(target_rows=target_rows, source_rows=source_rows)
    roots = _roots(rng, dim, kappa, overlap)
    theta_DK = _at_cosine(rng, dim, cosine)[:, [0, 1, 1, 1]]
    rows = (target_rows, *[source_rows] * 3)
    drawn = zip(rows, roots, theta_DK.T, strict=True)
    tasks = [_regression(rng, n, root, theta_D, noise) for n, root, theta_D in drawn]
    return Planted(tuple(tasks), theta_DK, np.stack([root.T @ root for root in roots]))


def _roots(rng: np.random.Generator, dim: int, kappa: float, overlap: float) -> list[Floats]:
    """Return D Q of the four tasks: inputs are Gaussian rows times it, E[x x'] = Q'D^2 Q."""
    _check("dim", dim, dim >= 20 and dim % 10 == 0, "20, 30, 40 ...")
    _check("kappa", kappa, 0 < kappa < np.inf, "above 0")
    _check_share(overlap=overlap)
    first_D, second_D = _spreads(rng, dim, kappa, overlap)
    first_DD, second_DD = (_orthonormal(rng, dim, dim) for _ in range(2))
    chosen = (first_D, first_DD), (first_D, first_DD), (second_D, first_DD), (first_D, second_DD)
    return [spread_D[:, None] * turn_DD for spread_D, turn_DD in chosen]


def _at_cosine(rng: np.random.Generator, dim: int, cosine: float) -> Floats:
    """Return two unit vectors [D, 2] with a given cosine."""
    first_D, other_D = _orthonormal(rng, dim, 2).T
    return np.stack([first_D, cosine * first_D + np.sqrt(1 - cosine**2) * other_D], axis=1)


def _spreads(
    rng: np.random.Generator, dim: int, kappa: float, overlap: float
) -> tuple[Floats, Floats]:
    """Return the diagonals of D_1 and D_2: kappa on a tenth of the coordinates."""
    order, tenth = rng.permutation(dim), dim // 10
    first_D, second_D = np.ones(dim), np.ones(dim)
    first_D[order[:tenth]] = kappa
    begin = tenth - round(overlap * tenth)
    second_D[order[begin : begin + tenth]] = kappa
    return first_D, second_D


def _orthonormal(rng: np.random.Generator, dim: int, columns: int) -> Floats:
    """Return orthonormal columns, uniformly drawn."""
    q_DC, r_CC = np.linalg.qr(rng.standard_normal((dim, columns)))
    return np.asarray(q_DC * np.sign(np.diag(r_CC)))


def _regression(
    rng: np.random.Generator, rows: int, root_DD: Floats, theta_D: Floats, noise: float
) -> TaskData:
    """Draw Gaussian rows times a root of their covariance, and labels with relative noise."""
    x_ND = rng.standard_normal((rows, len(theta_D))) @ root_DD
    spread = noise * float(np.linalg.norm(root_DD @ theta_D))
    return TaskData(x_ND, x_ND @ theta_D + spread * rng.standard_normal(rows))


def low_rank_tasks(
    rng: np.random.Generator,
    rows: int = 40,
    tasks: int = 5,
    dim: int = 20,
    rank: int = 2,
    noise: float = 0.7,
) -> Planted:
    """Draw regressions whose models lie in a space of `rank` dimensions, each with its own inputs.

    x ~ N(0, 1), theta_i = P z_i with P [D, rank] orthonormal and z_i ~ N(0, 1); `noise` is the
    standard deviation of the labels' noise. For the capacity curve of Sec. 2.2.

    Raises:
        ConfigError: an argument out of its range.
    """
    rank_within(rank, min(dim, tasks), "low_rank_tasks")
    _check("noise", noise, 0 <= noise < np.inf, "0 or more")
    _check_rows(rows=rows)
    theta_DK = _orthonormal(rng, dim, rank) @ rng.standard_normal((rank, tasks))
    drawn = []
    for theta_D in theta_DK.T:
        x_ND = rng.standard_normal((rows, dim))
        drawn.append(TaskData(x_ND, x_ND @ theta_D + noise * rng.standard_normal(rows)))
    return Planted(tuple(drawn), theta_DK, np.tile(np.eye(dim), (tasks, 1, 1)))


def redrawn(
    rng: np.random.Generator, label_N: Floats, share: float, values: tuple[float, float] = (0, 1)
) -> Floats:
    """Return labels of which a share, exactly (rounded), is drawn anew from two values alike."""
    _check_share(share=share)
    out_N, rows = label_N.copy(), len(label_N)
    chosen = rng.permutation(rows)[: round(share * rows)]
    out_N[chosen] = rng.choice(values, size=len(chosen))
    return out_N


def _check(name: str, value: object, fits: bool, allowed: str) -> None:
    if not fits:
        raise ConfigError(f"{name}: {value!r}; allowed: {allowed}")


def _check_share(**values: float) -> None:
    for name, value in values.items():
        _check(name, value, 0 <= value <= 1, "from 0 to 1")


def _check_rows(**values: int) -> None:
    for name, value in values.items():
        _check(name, value, value == int(value) and value >= 1, "a whole number, 1 or more")
