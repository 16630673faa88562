"""Cells and rows of scores, and of what MTNAS gains: what Tables 2, 3 and 5 have in common."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from mtnas.config.entries import PAPER
from mtnas.evidence.pairing import Row as Key
from mtnas.evidence.statistics import Difference, holm
from mtnas.report.names import dataset_name
from mtnas.report.paper import paper_score
from mtnas.report.render.layout import (
    BELOW,
    FAMILY,
    SURELY_BELOW,
    TUNED,
    Block,
    Cell,
    Column,
    Row,
    Source,
)
from mtnas.report.runs import Results, ScoredRun
from mtnas.tasks.metrics import direction, split_column


def mark_below(cell: Cell, run: ScoredRun, single: ScoredRun | None, column: str) -> Cell:
    """Gray a score worse than Single's; the mark says whether the interval excludes zero."""
    if single is None or column not in single.scores:
        return cell
    gain = run.over(single, column)
    if gain.mean == 0 or (gain.mean > 0) == (direction(column) == "higher"):
        return cell
    return cell.marked(gray=True, mark=SURELY_BELOW if gain.excludes_zero else BELOW)


def embolden(cells: list[Cell], *, higher_is_better: bool) -> list[Cell]:
    """Set the best mean of a column bold, all of them if they tie."""
    values = [cell.value for cell in cells if cell.value is not None]
    if not values:
        return cells
    best = max(values) if higher_is_better else min(values)
    return [replace(cell, strong=cell.value == best) for cell in cells]


def gain_cell(results: Results, dataset: str, key: Key, column: str) -> Cell:
    """Return reference - other for one score; bold if the interval excludes zero."""
    ours, other = results.get(dataset, results.reference), results.get(dataset, key)
    if not ours or not other or column not in ours.scores or column not in other.scores:
        return Cell(kind="difference")
    gain = ours.over(other, column)
    source = source_of(other, key, *split_column(column), gain.n)
    source = replace(
        source,
        run_folder=f"{ours.folder} - {other.folder}",
        code=f"{ours.code} - {other.code}",
    )
    return difference_cell(gain, source, _paper_gain(results, dataset, key, column))


def difference_cell(gain: Difference, source: Source, paper: float | None = None) -> Cell:
    """Return a paired difference with its interval; bold if that excludes zero."""
    return Cell(
        gain.mean,
        "difference",
        low=gain.low,
        high=gain.high,
        p_value=gain.p_value,
        paper=paper,
        strong=gain.excludes_zero,
        source=source,
    )


def differences(
    results: Results, columns: Sequence[Column], others: Sequence[Key], grid: list[list[Cell]]
) -> Block:
    """Return the block of what the reference gains on other runs, a row of `grid` for each."""
    rows = zip(others, in_family(grid), strict=True)
    return Block(
        "Paired difference over seeds, with its 95 % interval",
        "Difference",
        tuple(columns),
        tuple(row_of(results, key, cells, minus=True) for key, cells in rows),
    )


def in_family(
    grid: Sequence[Sequence[Cell]], metrics: Collection[str] | None = None
) -> list[list[Cell]]:
    """Add Holm's p-values over all cells of a block and mark those below 5 %.

    With `metrics`, over the cells of these alone.
    """
    p_values = {
        (i, j): cell.p_value
        for i, row in enumerate(grid)
        for j, cell in enumerate(row)
        if cell.p_value is not None and (metrics is None or cell.source.metric in metrics)
    }
    adjusted = holm(list(p_values.values()))
    marked = [list(row) for row in grid]
    for (i, j), p in zip(p_values, adjusted, strict=True):
        mark = FAMILY if p < 0.05 else ""
        marked[i][j] = replace(marked[i][j], holm_p=float(p), mark=mark)
    return marked


def _paper_gain(results: Results, dataset: str, key: Key, column: str) -> float | None:
    """Return the same difference between two numbers that the paper prints, of these very data."""
    methods = (results.reference[0], key[0])
    ours, other = (paper_score(dataset, method, column) for method in methods)
    printed = key[1] == PAPER and not results.simulated(dataset)
    return ours - other if printed and ours is not None and other is not None else None


def row_of(results: Results, key: Key, cells: Sequence[Cell], *, minus: bool = False) -> Row:
    """Return the row of a run, or of what the reference gains on it; tuned options are marked."""
    name = results.name(key)
    label = f"{results.name(results.reference)} − {name}" if minus else name
    return Row(label, tuple(cells), TUNED if results.tuned(key) else "")


def group_of(results: Results, dataset: str) -> str:
    """Return what stands above the columns of a dataset."""
    return dataset_name(dataset, results.simulated(dataset))


def source_of(run: ScoredRun, key: Key, metric: str, task: str, seeds: int) -> Source:
    """Say where a cell of a run is from."""
    return Source(run.run.key[0], *key, metric, task, seeds, run.folder, run.code)
