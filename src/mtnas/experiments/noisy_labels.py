"""The labels that models of some seeds learn where `training.label_noise` asks for noise (V19)."""

from collections.abc import Iterable
from dataclasses import replace

import torch

from mtnas.experiments.assembly import Assembly
from mtnas.training.data import Examples
from mtnas.training.label_noise import changed_labels, with_noise


def examples_of(assembly: Assembly, seeds: Iterable[int]) -> Examples:
    """Return the examples that models of some seeds learn from, perhaps with noise in labels."""
    examples, shares = assembly.examples, assembly.training.label_noise
    if not any(shares.values()):
        return examples
    names, labels_NT = [task.name for task in examples.tasks], assembly.table.labels
    of_seeds = {
        seed: torch.from_numpy(
            with_noise(labels_NT, names, assembly.split(seed).train, shares, seed)
        ).to(examples.labels.device)
        for seed in dict.fromkeys(seeds)
    }
    return replace(examples, of_seeds=of_seeds)


def num_changed(assembly: Assembly, examples: Examples, seed: int) -> dict[str, int] | None:
    """Return how many training labels of each task have changed; None where none was to."""
    if seed not in examples.of_seeds:
        return None
    names = [task.name for task in examples.tasks]
    return changed_labels(assembly.table.labels, examples.of_seeds[seed].cpu().numpy(), names)
