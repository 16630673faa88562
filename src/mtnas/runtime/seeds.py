"""Independent streams of randomness: one per seed and purpose.

Methods share the streams of a seed, so that runs are paired by seed: same split, same batches,
same initial embeddings. A stream depends on its own name alone; adding one moves no other. The
split draws from a stream of its own, in `mtnas.data.prepare.splits`.
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
]


def generator(seed: int, stream: Stream) -> np.random.Generator:
    """Return the generator of one stream of one seed."""
    key = zlib.crc32(stream.encode())
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, key])))


def states(generators: Iterable[np.random.Generator]) -> list[Mapping[str, Any]]:
    """Return where generators are in their streams."""
    return [generator.bit_generator.state for generator in generators]


def restore(generators: Iterable[np.random.Generator], states: Sequence[Mapping[str, Any]]) -> None:
    """Put generators where they were when `states` was called."""
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state


def torch_seed(seed: int, stream: Stream) -> int:
    """Return a 63-bit seed for a torch generator, from the same streams."""
    return int(generator(seed, stream).integers(2**63 - 1))
