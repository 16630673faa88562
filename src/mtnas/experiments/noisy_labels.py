"""The labels that models of some seeds learn and are validated by: with noise where
`training.label_noise` asks for it (V19), without those that `training.leaks` leaves out.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from mtnas.experiments.assembly import Assembly
from mtnas.experiments.splits import Labels, judged_labels
from mtnas.training.data import Examples
from mtnas.training.label_noise import changed_labels, with_noise


def examples_of(assembly: Assembly, seeds: Iterable[int]) -> Examples:
    """Return the examples that models of some seeds learn from, perhaps with their own labels."""
    examples = assembly.examples
    if not _is_noisy(assembly) and assembly.training.leaks == "keep":
        return examples
    of_seeds = {
        seed: torch.from_numpy(_labels(assembly, seed)).to(examples.labels.device)
        for seed in dict.fromkeys(seeds)
    }
    return replace(examples, of_seeds=of_seeds)


def _labels(assembly: Assembly, seed: int) -> Labels:
    split, shares = assembly.split(seed), assembly.training.label_noise
    names = assembly.task_names
    labels_NT = judged_labels(assembly.table, split)
    if not shares:
        return labels_NT
    return with_noise(labels_NT, names, split.train, shares, assembly.spec.split_seed(seed))


def _is_noisy(assembly: Assembly) -> bool:
    return any(assembly.training.label_noise.values())


def labels_on(assembly: Assembly, seed: int, part: str) -> Labels:
    """Return the labels that models of a seed are judged by on a part of its split, y_NT."""
    split = assembly.split(seed)
    rows: NDArray[np.int64] = getattr(split, part)
    return judged_labels(assembly.table, split)[rows]


def num_changed(assembly: Assembly, examples: Examples, seed: int) -> dict[str, int] | None:
    """Return how many training labels of each task have changed; None where none was to."""
    if not _is_noisy(assembly):
        return None
    names = [task.name for task in examples.tasks]
    labels_NT = judged_labels(assembly.table, assembly.split(seed))
    return changed_labels(labels_NT, examples.of_seeds[seed].cpu().numpy(), names)
