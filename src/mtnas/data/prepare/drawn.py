"""Prepare synthetic data: one draw per seed, side by side in one table of numbers.

A seed moves the data as it moves everything else (D12). Its rows are a block of the table, in the
order of `drawn_seeds` in the manifest, and `split` divides every block.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.splits import SPLITS, assign_split, split_sizes
from mtnas.data.prepare.store import RowWriter, add_split
from mtnas.data.prepare.vocabulary import write_dense
from mtnas.data.synthetic import TASKS, SyntheticOptions, draw

KIND = "regression"
SPLIT = (0.7, 0.15, 0.15)


def prepare(
    name: str,
    synthetic: Mapping[str, Any],
    seeds: Sequence[int],
    split: Sequence[float] | None,
    table: Path,
    inputs: Path,
) -> dict[str, Any]:
    """Draw and write table and inputs, each atomically; return what the manifest tells of them."""
    options = SyntheticOptions.of(synthetic, f"synthetic.{name}")
    sizes = split_sizes(options.rows, SPLIT if split is None else split)
    draws = [draw(options, seed) for seed in seeds]
    x, labels = (np.concatenate(part) for part in zip(*draws, strict=True))
    part = np.concatenate([assign_split(options.rows, sizes, seed) for seed in seeds])
    fields = [f"x{i}" for i in range(options.dim)]
    table.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=table.parent, prefix=f".{table.stem}.") as folder:
        rows = Path(folder) / "rows.parquet"
        with RowWriter(rows, fields, TASKS, KIND) as writer:
            writer.write(_columns(x), _columns(labels))
        content = add_split(rows, table, part, len(fields))
    return {
        "dataset": name,
        "title": "two regressions (paper, Sec. 5.1)",
        "simulated": True,
        "synthetic": options.model_dump(mode="json"),
        "drawn_seeds": list(seeds),
        "rows": len(x),
        "fields": [{"name": f, "kind": "number", "help": "drawn from N(0, 1)"} for f in fields],
        "tasks": [{"name": task, "rule": "w . x, sines of w . x, noise"} for task in TASKS],
        "task_kind": KIND,
        "label_pcc": {"t0_t1": _mean_correlation(labels, len(draws))},
        "num_features": 0,
        "split_kind": "random",
        "split_sizes": dict(zip(SPLITS, sizes, strict=True)),
        "content_sha256": content,
        "source_sha256": {},
        "compact": write_dense(x, inputs),
    }


def _columns(matrix: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [np.ascontiguousarray(column) for column in matrix.T]


def _mean_correlation(labels: NDArray[np.float32], draws: int) -> float:
    """Return the Pearson correlation of the two labels, mean over draws."""
    pairs = [np.corrcoef(block, rowvar=False) for block in np.split(labels, draws)]
    return float(np.mean(pairs, axis=0)[0, 1])
