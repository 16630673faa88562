"""Prepare synthetic data: one draw per seed, side by side in one table of numbers.

A seed moves the data as it moves everything else (D12). Its rows are a block of the table, in the
order of `Manifest.drawn_seeds`, and `split` divides every block. The numbers are read as they are.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data.prepare.inputs import write_inputs
from mtnas.data.prepare.manifest import (
    FieldSummary,
    InputLayout,
    Manifest,
    PrepareSpec,
    TaskSummary,
)
from mtnas.data.prepare.splits import SPLITS, assign_split, split_sizes
from mtnas.data.prepare.store import Finish, RowWriter, add_split
from mtnas.data.prepare.vocabulary import (
    ids_file,
    vocabulary_file,
    write_compact,
    write_vocabulary,
)
from mtnas.data.synthetic import TASKS, SyntheticOptions, draw

SPLIT = (0.7, 0.15, 0.15)


def prepare(spec: PrepareSpec, options: SyntheticOptions, table: Path) -> Manifest:
    """Draw and write table and inputs, each atomically, no id and a vocabulary without an entry."""
    sizes = split_sizes(options.rows, SPLIT if spec.split is None else spec.split)
    draws = [draw(options, seed) for seed in spec.seeds]
    x, labels = (np.concatenate(part) for part in zip(*draws, strict=True))
    part = np.concatenate([assign_split(options.rows, sizes, seed) for seed in spec.seeds])
    fields = [f"x{i}" for i in range(options.dim)]
    layout = InputLayout.of_numbers(fields)
    with TemporaryDirectory(dir=table.parent, prefix=f".{table.stem}.") as folder:
        rows, inputs = Path(folder) / "rows.parquet", Path(folder) / "inputs"
        inputs.mkdir()
        schema = pa.schema([pa.field(name, pa.float32()) for name in (*fields, *TASKS)])
        with RowWriter(rows, schema) as writer:
            writer.write([*_columns(x), *_columns(labels)])
        finish = Finish(frozenset(schema.names), ids=fields, labels=TASKS, classes={})
        content = add_split(rows, table, part, finish, {})
        write_inputs(table, layout, inputs)
    new, _ = write_compact(table, ids_file(table), layout, (), np.zeros(0, np.int64))
    write_vocabulary(vocabulary_file(table), {}, new)
    field, task = "drawn from N(0, 1)", "w . x, sines of w . x, noise"
    return Manifest(
        dataset=spec.dataset,
        title="two regressions (paper, Sec. 5.1)",
        simulated=True,
        rows=len(x),
        fields=tuple(FieldSummary(name=name, kind="number", help=field) for name in fields),
        tasks=tuple(TaskSummary(name=name, rule=task, kind="drawn") for name in TASKS),
        layout=layout,
        num_features=0,
        num_ids=0,
        label_pcc={"t0_t1": _mean_correlation(labels, len(draws))},
        split_kind="random",
        split_sizes=dict(zip(SPLITS, sizes, strict=True)),
        content_sha256=content,
        source_sha256={},
        spec=spec,
    )


def _columns(matrix: NDArray[np.float32]) -> list[pa.Array]:
    return [pa.array(np.ascontiguousarray(column)) for column in matrix.T]


def _mean_correlation(labels: NDArray[np.float32], draws: int) -> float:
    """Return the Pearson correlation of the two labels, mean over draws."""
    pairs = [np.corrcoef(block, rowvar=False) for block in np.split(labels, draws)]
    return float(np.mean(pairs, axis=0)[0, 1])
