"""Examples with inputs of every kind, in one source or two, whose labels depend on all of them."""

from dataclasses import replace

import numpy as np
import torch

from mtnas.data.prepare.manifest import Bag, FeatureBlock, InputLayout, Number, TaskSummary
from mtnas.training.data import Examples
from mtnas.training.inputs import MixedInputs

ROWS = 600
NUM_IDS = 40
BAGS = (Bag(name="tags", length=4), Bag(name="words", length=2))
NUMBERS = (
    Number(name="age", standardized=True, has_missing=True),
    Number(name="price", standardized=True, has_missing=False),
    Number(name="drawn", standardized=False, has_missing=False),
)
FEATURES = (
    FeatureBlock(name="cover", width=3, has_missing=True),
    FeatureBlock(name="voice", width=2, has_missing=False),
)
LAYOUTS = {
    "ids": InputLayout(singles=3),
    "bags": InputLayout(singles=0, bags=BAGS),
    "numbers": InputLayout(singles=0, numbers=NUMBERS),
    "features": InputLayout(singles=0, features=FEATURES),
    "features and ids": InputLayout(singles=2, features=FEATURES[1:]),
    "mixed": InputLayout(singles=2, bags=BAGS, numbers=NUMBERS, features=FEATURES),
}


def mixed(name: str = "mixed", seed: int = 0) -> Examples:
    """Return examples with one of the layouts; labels follow whatever is there."""
    rng, layout = np.random.default_rng(seed), LAYOUTS[name]
    ids = rng.integers(NUM_IDS, size=(ROWS, layout.num_columns)).astype(np.int32)
    first = layout.singles
    for bag in layout.bags:
        entries = rng.integers(1, bag.length + 1, ROWS)
        ids[:, first : first + bag.length][np.arange(bag.length) >= entries[:, None]] = NUM_IDS
        first += bag.length
    # Not centred, and the later rows differ from those that are trained on.
    numbers = rng.normal(size=(ROWS, len(layout.numbers))).astype(np.float32)
    numbers = numbers * np.float32(5) + np.float32(100) + np.linspace(0, 9, ROWS)[:, None]
    effect = rng.normal(size=(NUM_IDS + 1, 2))
    logit = effect[ids].sum(1) / 2 + 0.2 * (numbers[:, :1] - 105 if layout.numbers else 0)
    for d, number in enumerate(layout.numbers):
        if number.has_missing:
            numbers[::3, d] = np.nan
    features = []
    for block in layout.features:
        matrix = rng.normal(size=(50, block.width)).astype(np.float32)
        rows = rng.integers(-1 if block.has_missing else 0, 50, ROWS).astype(np.int32)
        logit = logit + matrix[rows, :1]
        features.append((torch.from_numpy(rows), torch.from_numpy(matrix)))
    labels = (rng.random((ROWS, 2)) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    given = torch.from_numpy(numbers.astype(np.float32)) if layout.numbers else None
    inputs = MixedInputs(layout, torch.from_numpy(ids), given, tuple(features))
    table_rows = (NUM_IDS if layout.num_columns else 0) + bool(layout.bags)
    tasks = tuple(TaskSummary(name=f"t{t}", rule="") for t in range(2))
    return Examples(inputs, torch.from_numpy(labels), table_rows, tasks)


def in_sources(examples: Examples, shares: dict[str, float], seed: int = 0) -> Examples:
    """Return examples whose rows, here and there, are of several sources."""
    rng, rows = np.random.default_rng(seed), len(examples.labels)
    names, probability = tuple(shares), list(shares.values())
    source = rng.choice(len(names), rows, p=probability).astype(np.int8)
    tasks = tuple(
        task.model_copy(update={"source": names[t % len(names)]})
        for t, task in enumerate(examples.tasks)
    )
    return replace(examples, source=source, sources=names, tasks=tasks)
