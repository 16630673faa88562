"""Random numbers: an independent stream for every seed and every purpose.

All methods use the streams of a seed alike, so that they can be compared seed by seed: the same
split, the same batches, the same initial embeddings. A stream depends only on the seed and its own
name, so a new stream changes no other one. The split has a stream of its own, in
`mtnas.data.prepare.splits`.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

Stream = Literal[
    "embedding",
    "weights",
    "gates",
    "batches",
    "noise",
    "validation",
    "routes",
    "control",
    "synthetic",
    "label_noise",
    "leaks",
    "permuted",
    "train_share",
    "task_weights",
    "task_order",
]
RESTART = 1_000_000  # seeds are below it; restart r of the split of seed s has seed s + r * RESTART

Position = Mapping[str, Any]  # in a stream: the state of one of numpy's bit generators


def generator(seed: int, stream: Stream) -> np.random.Generator:
    """Return a random generator at the start of one stream of one seed."""
    key = zlib.crc32(stream.encode())
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, key])))


def of_restarts(splits: Sequence[int], restarts: int) -> tuple[int, ...]:
    """Return the seed of every restart of every split: first those of restart 0, the splits' own.

    A seed decides initialisation, batches and all else that is drawn; `split_of` says whose rows.
    """
    return tuple(split + r * RESTART for r in range(restarts) for split in splits)


def split_of(seed: int) -> int:
    """Return the seed of the split of which a seed is a restart."""
    return seed % RESTART


def states(generators: Iterable[np.random.Generator]) -> list[Position]:
    """Return the positions of generators in their streams, for `restore`."""
    return [generator.bit_generator.state for generator in generators]


def restore(generators: Iterable[np.random.Generator], states: Sequence[Position]) -> None:
    """Move generators back to the positions that `states` returned."""
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state


def torch_seed(seed: int, stream: Stream) -> int:
    """Return a 63-bit seed for a torch generator, from the same streams."""
    return int(generator(seed, stream).integers(2**63 - 1))
