"""Labels that change places among training rows: how robust a method is to noise (V19).

Shapes: N rows, T tasks.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mtnas.runtime import seeds

Labels = NDArray[np.float32]


def with_noise(
    labels_NT: Labels,
    names: Sequence[str],
    train: NDArray[np.int64],
    shares: Mapping[str, float],
    seed: int,
) -> Labels:
    """Return a copy in which some labels of training rows stand in other training rows.

    Of a task with a share p, round(p n) of its n labelled training rows swap their labels at
    random, so how often each label occurs stays the same. The rows of a smaller share are among
    those of a larger one, and the noise of one task does not depend on that of another.

    Args:
        labels_NT: the labels of all rows, NaN where they are missing.
        names: the names of the tasks.
        train: the numbers of the training rows.
        shares: the share of each task that has noise.
        seed: whose stream `label_noise` decides.
    """
    noisy_NT = labels_NT.copy()
    streams = seeds.generator(seed, "label_noise").spawn(len(names))
    for t, (name, rng) in enumerate(zip(names, streams, strict=True)):
        labelled = train[~np.isnan(labels_NT[train, t])]
        order = rng.permutation(labelled)
        chosen = order[: round(shares.get(name, 0.0) * len(labelled))]
        noisy_NT[chosen, t] = labels_NT[rng.permutation(chosen), t]
    return noisy_NT


def changed_labels(labels_NT: Labels, noisy_NT: Labels, names: Sequence[str]) -> dict[str, int]:
    """Return how many labels of each task differ; one that is missing is so in both."""
    differ_NT = (labels_NT != noisy_NT) & ~np.isnan(labels_NT)
    return dict(zip(names, differ_NT.sum(0).tolist(), strict=True))
