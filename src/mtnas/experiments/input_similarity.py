"""How similar the inputs of two tasks are to what they share, after training (Eq. 5, V22).

Wu, Zhang and Re (ICLR 2020) measure it before and after alignment. Here X is what the shared part
reads for a task, Z = E R with alignment, of the training rows that have its label.
Shapes: D inputs of the shared part.
"""

import torch
from torch import Tensor

from mtnas.evidence.subsets_record import InputSimilarity
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.models import Group, Models
from mtnas.training.checkpoint import Tree
from mtnas.training.shared_inputs import input_products
from mtnas.transfer.arrays import Floats
from mtnas.transfer.covariance import similarity_of


def input_similarities(assembly: Assembly, models: Models) -> list[Tree | None]:
    """Return the similarity (`InputSimilarity`) of the tasks of every model of two tasks.

    None for other models, where tasks have the same rows and no alignment (their inputs are one and
    the same), and for a method that reads several tables at once (no input is that of a task).
    """
    same = assembly.examples.complete and assembly.training.alignment not in ("joint", "frozen")
    several = assembly.options.num_tables(assembly.num_tasks) > 0
    if same or several or all(len(member.tasks) != 2 for member in models.members):
        return [None] * len(models.members)

    def of_group(group: Group) -> Tensor:
        rows = [
            [assembly.with_labels_of((task,), split).train for task in member.tasks]
            for member, split in zip(group.ensemble.members, group.splits, strict=True)
        ]
        return input_products(group.ensemble, group.states, assembly.examples, rows).cpu()

    return [_similarity(products) for products in models.of_members(of_group)]


def _similarity(products: Tensor) -> Tree | None:
    """Return the similarity from sums of two tasks, [2, 1 + D, 1 + D]; None for other numbers."""
    if len(products) != 2:
        return None
    plain, centred = (similarity_of(*map(of, products)) for of in (_covariance, _centred))
    return InputSimilarity(
        score=plain.score,
        normalised=plain.normalised,
        centred_score=centred.score,
        centred_normalised=centred.normalised,
    ).model_dump()


def _covariance(products: Tensor) -> Floats:
    return products[1:, 1:].numpy()


def _centred(products: Tensor) -> Floats:
    """Return X'X of the rows minus their mean."""
    sum_D, count = products[0, 1:], products[0, 0]
    found: Floats = (products[1:, 1:] - torch.outer(sum_D, sum_D) / count).numpy()
    return found
