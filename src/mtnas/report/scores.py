"""Tables 2 and 3: test scores of every method, and what MTNAS gains on each of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mtnas.config.entries import PAPER
from mtnas.evidence.pairing import SINGLE
from mtnas.evidence.pairing import Row as Key
from mtnas.evidence.records import Parameters, Run
from mtnas.evidence.statistics import seeds_needed, summarize
from mtnas.report.cells import (
    differences,
    embolden,
    gain_cell,
    group_of,
    mark_below,
    row_of,
    source_of,
)
from mtnas.report.data_tables import with_note
from mtnas.report.names import Names
from mtnas.report.notes import score_notes
from mtnas.report.paper import paper_score
from mtnas.report.render.layout import Block, Cell, Column, Table
from mtnas.report.runs import Results, read_results
from mtnas.runtime.errors import RecordError
from mtnas.tasks.metrics import direction, is_of, split_column

USED = "Of them used: the dense parameters that routes reach, mean over seeds; without routes, all."
TITLE = "Test scores of every method, mean ± standard deviation over seeds"


def main_results(
    run_folders: Sequence[str | Path],
    *,
    manifests: Sequence[str | Path] = (),
    name: str = "table2",
    names: Names | None = None,
) -> Table:
    """Build Table 2 (or 3) from run folders: rows and datasets in the order given.

    Datasets whose tasks have the same names and kinds stand side by side, others below them. A note
    says what `manifests` tell of datasets that are not the paper's; they tell the units of tasks,
    too. A simulated dataset says so in its heading and gets no number of the paper beside it.

    Raises:
        RecordError: a run is incomplete, or two runs to be compared have no seed in common.
    """
    results = read_results(run_folders, names=names, manifests=manifests)
    return with_note(compared(results, name, TITLE), manifests)


def compared(results: Results, name: str, title: str) -> Table:
    """Build a table of scores, and of what the reference gains on every other run."""
    groups = results.alike()
    blocks = [block for group in groups for block in _blocks(group, alone=len(groups) == 1)]
    notes = score_notes(results, gains=len(blocks) > len(groups))
    if any(_has_routes(results, dataset) for dataset in results.datasets):
        notes = (*notes, USED)
    return Table(name, title, tuple(blocks), notes)


def _blocks(results: Results, *, alone: bool) -> list[Block]:
    """Return the blocks of datasets with the same tasks; their titles name them if not `alone`."""
    blocks = [_scores(results)]
    if results.reference in results.rows and len(results.rows) > 1:
        blocks.append(_gains(results))
    if alone:
        return blocks
    of = ", ".join(group_of(results, dataset) for dataset in results.datasets)
    return [replace(b, title=": ".join(filter(None, (of, b.title)))) for b in blocks]


def _scores(results: Results) -> Block:
    """Build the block of scores, one row per method and variant."""
    routed = [d for d in results.datasets if _has_routes(results, d)]
    columns = [
        *(Column(results.heading(d, c), group_of(results, d)) for d, c in _score_columns(results)),
        *(Column("dense parameters", group_of(results, d)) for d in results.datasets),
        *(Column("of them used", group_of(results, d)) for d in routed),
        *(Column("seeds", group_of(results, d)) for d in results.datasets),
    ]
    order = _by_dataset(columns)
    by_column = [_score_cells(results, d, c) for d, c in _score_columns(results)]
    by_column += [_count_cells(results, d, "parameters_dense") for d in results.datasets]
    by_column += [_count_cells(results, d, "parameters_used") for d in routed]
    by_column += [_count_cells(results, d, "seeds") for d in results.datasets]
    rows = tuple(
        row_of(results, key, [by_column[i][k] for i in order]) for k, key in enumerate(results.rows)
    )
    return Block("", "Method", tuple(columns[i] for i in order), rows)


def _score_cells(results: Results, dataset: str, column: str) -> list[Cell]:
    """Return one column of scores with its best bold and what is below Single gray."""
    single = results.get(dataset, SINGLE)
    simulated = results.simulated(dataset)
    cells = []
    for key in results.rows:
        run = results.get(dataset, key)
        if run is None or column not in run.scores:
            cells.append(Cell())
            continue
        scores = summarize(run.scores[column].to_numpy())
        paper = paper_score(dataset, key[0], column) if key[1] == PAPER else None
        cell = Cell(
            scores.mean,
            spread=scores.sd,
            paper=None if simulated else paper,
            source=source_of(run, key, *split_column(column), scores.n),
        )
        cells.append(cell if key == SINGLE else mark_below(cell, run, single, column))
    return embolden(cells, higher_is_better=direction(column) == "higher")


def _count_cells(results: Results, dataset: str, what: str) -> list[Cell]:
    """Return a column of counts: dense parameters, those that are used, or seeds."""
    cells = []
    for key in results.rows:
        run = results.get(dataset, key)
        if run is None:
            cells.append(Cell(kind="count"))
            continue
        n = len(run.scores)
        value = n if what == "seeds" else _parameters(run.run, used=what == "parameters_used")
        cells.append(Cell(float(value), "count", source=source_of(run, key, what, "", n)))
    return cells


def _has_routes(results: Results, dataset: str) -> bool:
    """Whether a run on a dataset has routes, which may leave parameters out."""
    runs = (results.get(dataset, key) for key in results.rows)
    return any(run is not None and _counts(run.run).dense_used for run in runs)


def _parameters(run: Run, *, used: bool) -> float:
    """Return the dense parameters of a model, or those that its routes use, mean over seeds."""
    counts = _counts(run)
    each = list(counts.dense_used.values()) if used else []
    return round(sum(each) / len(each)) if each else counts.dense


def _counts(run: Run) -> Parameters:
    """Return the parameter counts of a run; `RecordError` for a control."""
    if run.record.parameters is None:
        raise RecordError(f"{run.folder}/run.json: no parameters; a control has none to print")
    return run.record.parameters


def _gains(results: Results) -> Block:
    """Build the block of paired differences reference - other, with 95 % intervals."""
    others = [key for key in results.rows if key != results.reference]
    columns = _score_columns(results)
    heads = [Column(results.heading(d, c), group_of(results, d)) for d, c in columns]
    if any(is_of(column, "auc") for _, column in columns):
        columns += [(d, "seeds_needed") for d in results.datasets]
        heads += [Column("seeds for 0.001 AUC", group_of(results, d)) for d in results.datasets]
    order = _by_dataset(heads)
    grid = [
        [
            _seeds_cell(results, columns[i][0], key)
            if columns[i][1] == "seeds_needed"
            else gain_cell(results, columns[i][0], key, columns[i][1])
            for i in order
        ]
        for key in others
    ]
    return differences(results, [heads[i] for i in order], others, grid)


def _seeds_cell(results: Results, dataset: str, key: Key) -> Cell:
    """Return how many seeds would resolve 0.001 AUC on the noisiest task at 80 % power."""
    ours, other = results.get(dataset, results.reference), results.get(dataset, key)
    if not ours or not other:
        return Cell(kind="count")
    aucs = [c for c in ours.columns if is_of(c, "auc") and c in other.scores]
    gains = [ours.over(other, c) for c in aucs]
    if not gains or gains[0].n < 2:
        return Cell(kind="count")
    source = source_of(other, key, "seeds_needed", "", gains[0].n)
    noisiest = max(gains, key=lambda gain: gain.sd or 0.0)
    needed = seeds_needed(noisiest.sd or 0.0, noisiest.resampling)
    return Cell(None if needed is None else float(needed), "count", source=source)


def _score_columns(results: Results) -> list[tuple[str, str]]:
    return [(d, c) for d in results.datasets for c in results.columns(d)]


def _by_dataset(columns: Sequence[Column]) -> list[int]:
    """Return the order that puts columns of one group together, groups as they first appear."""
    groups = list(dict.fromkeys(column.group for column in columns))
    return sorted(range(len(columns)), key=lambda i: groups.index(columns[i].group))
