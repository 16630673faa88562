"""Measures of the training rows of a seed: labels of pairs of tasks, what inputs tell of them.

Shapes: T tasks, K columns of labels, D rows of theta.
"""

import numpy as np

from mtnas.evidence.diagnosis.measures import Line
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.task_weights import theta_of
from mtnas.training.data import Examples
from mtnas.transfer.arrays import Floats, Ints
from mtnas.transfer.labels import relations
from mtnas.transfer.reweighting import weights_of_theta
from mtnas.transfer.theta import gram


def measures_of_rows(assembly: Assembly, examples: Examples, seed: int, rank: int) -> list[Line]:
    """Return all measures of the training rows of a seed; `rank` is that of Algorithm 2."""
    names = [task.name for task in examples.tasks]
    return [
        *_of_labels(assembly, examples, seed, names),
        *_of_theta(assembly, examples, seed, names, rank),
    ]


def _of_labels(assembly: Assembly, examples: Examples, seed: int, names: list[str]) -> list[Line]:
    """Return phi and nestedness of all pairs; None where a task is not binary, or rows lack."""
    labels = examples.of_seeds.get(seed, examples.labels)
    labels_NT = labels.double().cpu().numpy()[assembly.split(seed).train]
    binary = [t for t, task in enumerate(examples.tasks) if task.kind == "binary"]
    lines: dict[tuple[str, str, str], float | None] = {
        (measure, first, second): None
        for measure in ("phi", "phi_attainable", "nested_given_first")
        for first in names
        for second in names
        if first != second
    }
    for found in relations(labels_NT[:, binary]) if len(binary) > 1 else ():
        one, two = names[binary[found.first]], names[binary[found.second]]
        for first, second in ((one, two), (two, one)):
            lines["phi", first, second] = found.phi
            lines["phi_attainable", first, second] = found.attained
        lines["nested_given_first", one, two] = found.second_given_first
        lines["nested_given_first", two, one] = found.first_given_second
    return [(*key, "", value) for key, value in lines.items()]


def _of_theta(
    assembly: Assembly, examples: Examples, seed: int, names: list[str], rank: int
) -> list[Line]:
    theta_DK, y = theta_of(assembly, examples, seed, range(len(names)), "standardised")
    cosine_TT = block_cosines(gram(theta_DK), y.task_K)
    weight_T = weights_of_theta(theta_DK, y, rank)
    return [
        *(
            ("theta_cosine", first, second, "", _or_none(cosine_TT[i, j]))
            for i, first in enumerate(names)
            for j, second in enumerate(names)
            if i != j
        ),
        *(
            ("svd_weight", name, name, "", float(weight))
            for name, weight in zip(names, weight_T, strict=True)
        ),
    ]


def block_cosines(gram_KK: Floats, task_K: Ints) -> Floats:
    """Return the cosine of the theta of all pairs of tasks, [T, T], given G = Theta'Theta.

    Of a task with classes theta has a column for each. For two blocks of columns A and B it is
    |A'B| / sqrt(|A'A| |B'B|) with Frobenius norms, from 0 to 1; for two columns, their cosine with
    its sign. NaN where theta is zero.
    """
    blocks = [np.flatnonzero(task_K == task) for task in range(int(task_K.max()) + 1)]
    size = len(blocks)
    cosine_TT = np.full((size, size), np.nan)
    for i, a in enumerate(blocks):
        for j, b in enumerate(blocks):
            inner = gram_KK[np.ix_(a, b)]
            scale = _norm(gram_KK[np.ix_(a, a)]) * _norm(gram_KK[np.ix_(b, b)])
            if scale > 0:
                found = float(inner[0, 0]) if inner.size == 1 else _norm(inner)
                cosine_TT[i, j] = np.clip(found / scale**0.5, -1, 1)
    return cosine_TT


def _norm(block: Floats) -> float:
    return float(np.linalg.norm(block))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
