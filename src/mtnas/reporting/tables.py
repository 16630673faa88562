"""Tables 2, 3 and 5: test scores of methods and variants, and what MTNAS gains on each of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mtnas.exhibits import TABLE5
from mtnas.pairing import difference
from mtnas.reporting.data_tables import other_data, read_manifest
from mtnas.reporting.layout import (
    BELOW,
    FAMILY,
    SURELY_BELOW,
    TUNED,
    Block,
    Cell,
    Column,
    Row,
    Source,
    Table,
)
from mtnas.reporting.names import column_name, dataset_name, method_name
from mtnas.reporting.notes import PAPER, REFERENCE, SINGLE, score_notes, variant_notes
from mtnas.reporting.paper import paper_score, paper_value
from mtnas.reporting.runs import Results, ScoredRun, field, read_results
from mtnas.reporting.runs import Row as Key
from mtnas.statistics import holm, seeds_needed, summarize

LOSS, LOSS_NAME = "mtl_loss", column_name("mtl_loss")


def main_results(
    run_folders: Sequence[str | Path],
    *,
    manifests: Sequence[str | Path] = (),
    name: str = "table2",
    title: str = "Test scores of every method, mean ± standard deviation over seeds",
) -> Table:
    """Build Table 2 (or 3) from run folders: rows and datasets in the order given.

    A note says what `manifests` tell of datasets that are not the paper's. A simulated dataset says
    so in its heading and gets no number of the paper beside it.

    Raises:
        RecordError: a run is incomplete, or two runs to be compared have no seed in common.
    """
    return with_note(compared(read_results(run_folders), name, title), manifests)


def with_note(table: Table, manifests: Sequence[str | Path]) -> Table:
    """Add a note on the datasets of a table that are not the paper's, if there are any."""
    shown = {cell.source.dataset for _, _, cell in table.cells()}
    note = other_data([path for path in manifests if read_manifest(path)["dataset"] in shown])
    return replace(table, notes=(*table.notes, note)) if note else table


def compared(results: Results, name: str, title: str) -> Table:
    """Build a table of scores, and of what the reference gains on every other run."""
    blocks = [_scores(results)]
    if results.reference in results.rows and len(results.rows) > 1:
        blocks.append(_gains(results))
    return Table(name, title, tuple(blocks), score_notes(results, gains=len(blocks) > 1))


def variants(
    run_folders: Sequence[str | Path],
    *,
    manifests: Sequence[str | Path] = (),
    name: str = "table5",
) -> Table:
    """Build Table 5: the test loss of the variants of MTNAS, a column per dataset.

    A run of Single is not a row: what is worse than it is gray, as in Tables 2 and 3.
    """
    results = read_results(run_folders)
    keys = [(REFERENCE, variant) for variant in (*TABLE5, PAPER)]
    rows = [key for key in keys if key in results.rows]
    columns = tuple(Column(LOSS_NAME, _group(results, d)) for d in results.datasets)
    scores = [_loss_cells(results, dataset, rows) for dataset in results.datasets]
    cells = zip(rows, zip(*scores, strict=True), strict=True)
    blocks = [
        Block("", "Variant", columns, tuple(_row(results, key, of) for key, of in cells)),
    ]
    others = [key for key in rows if key != (REFERENCE, PAPER)]
    if others and len(others) < len(rows):
        grid = [[_variant_gain(results, d, key) for d in results.datasets] for key in others]
        gains = zip(others, _adjust(grid), strict=True)
        blocks.append(
            Block(
                "Paired difference over seeds, with its 95 % interval",
                "Difference",
                columns,
                tuple(_row(results, key, cells, minus=True) for key, cells in gains),
            )
        )
    title = "Test loss of the variants of MTNAS"
    table = Table(name, title, tuple(blocks), variant_notes(results, rows))
    return with_note(table, manifests)


def _loss_cells(results: Results, dataset: str, rows: Sequence[Key]) -> list[Cell]:
    """Return one column of Table 5 with the lowest loss bold and what is above Single gray."""
    single = results.get(dataset, (SINGLE, PAPER))
    cells = []
    for key in rows:
        run = results.get(dataset, key)
        if run is None or LOSS not in run.scores:
            cells.append(Cell())
            continue
        scores = summarize(run.scores[LOSS].to_numpy())
        paper = None if results.simulated(dataset) else _paper_variant(dataset, key)
        source = _source(run, key, *_metric(LOSS), scores.n)
        cell = Cell(scores.mean, spread=scores.sd, paper=paper, source=source)
        cells.append(_mark_below(cell, run, single, LOSS))
    return _embolden(cells, higher_is_better=False)


def _variant_gain(results: Results, dataset: str, key: Key) -> Cell:
    """Return MTNAS - variant in loss, beside the same difference in the paper's Table 5."""
    cell = _gain_cell(results, dataset, key, LOSS)
    values = [_paper_variant(dataset, k) for k in ((REFERENCE, PAPER), key)]
    if cell.value is None or results.simulated(dataset) or None in values:
        return replace(cell, paper=None)
    ours, theirs = (value for value in values if value is not None)
    return replace(cell, paper=ours - theirs)


def _paper_variant(dataset: str, key: Key) -> float | None:
    row = REFERENCE if key[1] == PAPER else key[1]
    return paper_value("table5", dataset, row, LOSS)


def _scores(results: Results) -> Block:
    """Build the block of scores, one row per method and variant."""
    columns = [
        *(Column(column_name(c), _group(results, d)) for d, c in _score_columns(results)),
        *(Column("dense parameters", _group(results, d)) for d in results.datasets),
        *(Column("seeds", _group(results, d)) for d in results.datasets),
    ]
    order = _by_dataset(columns)
    by_column = [_score_cells(results, d, c) for d, c in _score_columns(results)]
    by_column += [_count_cells(results, d, "parameters_dense") for d in results.datasets]
    by_column += [_count_cells(results, d, "seeds") for d in results.datasets]
    rows = tuple(
        _row(results, key, [by_column[i][k] for i in order]) for k, key in enumerate(results.rows)
    )
    return Block("", "Method", tuple(columns[i] for i in order), rows)


def _score_cells(results: Results, dataset: str, column: str) -> list[Cell]:
    """Return one column of scores with its best bold and what is below Single gray."""
    single = results.get(dataset, (SINGLE, PAPER))
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
            source=_source(run, key, *_metric(column), scores.n),
        )
        cells.append(cell if key == (SINGLE, PAPER) else _mark_below(cell, run, single, column))
    return _embolden(cells, higher_is_better=_higher(column))


def _mark_below(cell: Cell, run: ScoredRun, single: ScoredRun | None, column: str) -> Cell:
    """Gray a score worse than Single's; the mark says whether the interval excludes zero."""
    if single is None or column not in single.scores:
        return cell
    gain = difference(run.scores[column], single.scores[column])
    if gain.mean == 0 or (gain.mean > 0) == _higher(column):
        return cell
    return cell.marked(gray=True, mark=SURELY_BELOW if gain.excludes_zero else BELOW)


def _embolden(cells: list[Cell], *, higher_is_better: bool) -> list[Cell]:
    """Set the best mean of a column bold, all of them if they tie."""
    values = [cell.value for cell in cells if cell.value is not None]
    if not values:
        return cells
    best = max(values) if higher_is_better else min(values)
    return [replace(cell, strong=cell.value == best) for cell in cells]


def _count_cells(results: Results, dataset: str, what: str) -> list[Cell]:
    """Return a column of counts: dense parameters or seeds."""
    cells = []
    for key in results.rows:
        run = results.get(dataset, key)
        if run is None:
            cells.append(Cell(kind="count"))
            continue
        n = len(run.scores)
        value = n if what == "seeds" else field(run.run, "parameters", "dense")
        cells.append(Cell(float(value), "count", source=_source(run, key, what, "", n)))
    return cells


def _gains(results: Results) -> Block:
    """Build the block of paired differences reference - other, with 95 % intervals."""
    others = [key for key in results.rows if key != results.reference]
    columns = [*_score_columns(results), *((d, "seeds_needed") for d in results.datasets)]
    heads = [Column(column_name(c), _group(results, d)) for d, c in _score_columns(results)]
    heads += [Column("seeds for 0.001 AUC", _group(results, d)) for d in results.datasets]
    order = _by_dataset(heads)
    grid = [
        [
            _seeds_cell(results, columns[i][0], key)
            if columns[i][1] == "seeds_needed"
            else _gain_cell(results, columns[i][0], key, columns[i][1])
            for i in order
        ]
        for key in others
    ]
    rows = zip(others, _adjust(grid), strict=True)
    return Block(
        "Paired difference over seeds, with its 95 % interval",
        "Difference",
        tuple(heads[i] for i in order),
        tuple(_row(results, key, cells, minus=True) for key, cells in rows),
    )


def _gain_cell(results: Results, dataset: str, key: Key, column: str) -> Cell:
    """Return reference - other for one score; bold if the interval excludes zero."""
    ours, other = results.get(dataset, results.reference), results.get(dataset, key)
    if not ours or not other or column not in ours.scores or column not in other.scores:
        return Cell(kind="difference")
    gain = difference(ours.scores[column], other.scores[column])
    source = _source(other, key, *_metric(column), gain.n)
    return Cell(
        gain.mean,
        "difference",
        low=gain.low,
        high=gain.high,
        p_value=gain.p_value,
        paper=_paper_gain(results, dataset, key, column),
        strong=gain.excludes_zero,
        source=replace(
            source,
            run_folder=f"{ours.folder} - {other.folder}",
            code=f"{ours.code} - {other.code}",
        ),
    )


def _seeds_cell(results: Results, dataset: str, key: Key) -> Cell:
    """Return how many seeds would resolve 0.001 AUC on the noisiest task at 80 % power."""
    ours, other = results.get(dataset, results.reference), results.get(dataset, key)
    if not ours or not other:
        return Cell(kind="count")
    aucs = [c for c in ours.columns if c.startswith("auc_") and c in other.scores]
    gains = [difference(ours.scores[c], other.scores[c]) for c in aucs]
    if not gains or gains[0].n < 2:
        return Cell(kind="count")
    source = _source(other, key, "seeds_needed", "", gains[0].n)
    spread = max(gain.sd or 0.0 for gain in gains)
    return Cell(float(seeds_needed(spread)), "count", source=source)


def _adjust(grid: list[list[Cell]]) -> list[list[Cell]]:
    """Add Holm's p-values over the whole block and mark those below 5 %."""
    p_values = {
        (i, j): cell.p_value
        for i, row in enumerate(grid)
        for j, cell in enumerate(row)
        if cell.p_value is not None
    }
    adjusted = holm(list(p_values.values()))
    grid = [list(row) for row in grid]
    for (i, j), p in zip(p_values, adjusted, strict=True):
        grid[i][j] = replace(grid[i][j], holm_p=float(p), mark=FAMILY if p < 0.05 else "")
    return grid


def _paper_gain(results: Results, dataset: str, key: Key, column: str) -> float | None:
    """Return the same difference between two numbers that the paper prints, of these very data."""
    methods = (results.reference[0], key[0])
    ours, other = (paper_score(dataset, method, column) for method in methods)
    printed = key[1] == PAPER and not results.simulated(dataset)
    return ours - other if printed and ours is not None and other is not None else None


def _row(results: Results, key: Key, cells: Sequence[Cell], *, minus: bool = False) -> Row:
    """Return the row of a run, or of what the reference gains on it; tuned options are marked."""
    name = method_name(*key)
    label = f"{method_name(*results.reference)} − {name}" if minus else name
    return Row(label, tuple(cells), TUNED if results.tuned(key) else "")


def _score_columns(results: Results) -> list[tuple[str, str]]:
    return [(d, c) for d in results.datasets for c in results.columns(d)]


def _by_dataset(columns: Sequence[Column]) -> list[int]:
    """Return the order that puts columns of one group together, groups as they first appear."""
    groups = list(dict.fromkeys(column.group for column in columns))
    return sorted(range(len(columns)), key=lambda i: groups.index(columns[i].group))


def _group(results: Results, dataset: str) -> str:
    return dataset_name(dataset, results.simulated(dataset))


def _higher(column: str) -> bool:
    return column.startswith("auc_")


def _metric(column: str) -> tuple[str, str]:
    """Split a score's name into metric and task as in metrics.csv."""
    return ("auc", column.removeprefix("auc_")) if _higher(column) else (column, "all")


def _source(run: ScoredRun, key: Key, metric: str, task: str, seeds: int) -> Source:
    return Source(run.run.key[0], *key, metric, task, seeds, run.folder, run.code)
