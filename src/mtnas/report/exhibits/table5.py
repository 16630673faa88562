"""Table 5: the test loss of the variants of MTNAS, and what MTNAS gains on each of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mtnas.config.entries import PAPER
from mtnas.evidence.pairing import MTNAS, SINGLE
from mtnas.evidence.pairing import Row as Key
from mtnas.evidence.statistics import summarize
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
from mtnas.report.exhibits.base import Needs, TableExhibit, beside_paper
from mtnas.report.names import REFERENCE, Names, column_name
from mtnas.report.notes import variant_notes
from mtnas.report.paper import paper_value
from mtnas.report.render.layout import Block, Cell, Column, Table
from mtnas.report.runs import Results, read_results
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import split_column

TABLE5 = ("mean_pooling", "no_query_selection")  # in the order of the paper
LOSS, LOSS_NAME = "mtl_loss", column_name("mtl_loss")


class Table5(TableExhibit):
    """MTNAS without gates, and without the search of a query."""

    place = 50

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs of the two variants in any experiment, MTNAS and Single beside them."""
        runs = beside_paper(plan, list(TABLE5), (SINGLE,))
        needs = Needs(runs=runs, manifests=tuple(plan.principal), paper=True)
        return {"table5": needs} if runs else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return variants(needs.run_folders, manifests=needs.manifest_files, names=needs.names)


def variants(
    run_folders: Sequence[str | Path],
    *,
    manifests: Sequence[str | Path] = (),
    names: Names | None = None,
) -> Table:
    """Build Table 5: the test loss of the variants of MTNAS, a column per dataset.

    A run of Single is not a row: what is worse than it is gray, as in Tables 2 and 3.
    """
    results = read_results(run_folders, names=names)
    keys = [(REFERENCE, variant) for variant in (*TABLE5, PAPER)]
    rows = [key for key in keys if key in results.rows]
    columns = tuple(Column(LOSS_NAME, group_of(results, d)) for d in results.datasets)
    scores = [_loss_cells(results, dataset, rows) for dataset in results.datasets]
    cells = zip(rows, zip(*scores, strict=True), strict=True)
    blocks = [
        Block("", "Variant", columns, tuple(row_of(results, key, of) for key, of in cells)),
    ]
    others = [key for key in rows if key != MTNAS]
    if others and len(others) < len(rows):
        grid = [[_variant_gain(results, d, key) for d in results.datasets] for key in others]
        blocks.append(differences(results, columns, others, grid))
    title = "Test loss of the variants of MTNAS"
    table = Table("table5", title, tuple(blocks), variant_notes(results, rows))
    return with_note(table, manifests)


def _loss_cells(results: Results, dataset: str, rows: Sequence[Key]) -> list[Cell]:
    """Return one column of Table 5 with the lowest loss bold and what is above Single gray."""
    single = results.get(dataset, SINGLE)
    cells = []
    for key in rows:
        run = results.get(dataset, key)
        if run is None or LOSS not in run.scores:
            cells.append(Cell())
            continue
        scores = summarize(run.scores[LOSS].to_numpy())
        paper = None if results.simulated(dataset) else _paper_variant(dataset, key)
        source = source_of(run, key, *split_column(LOSS), scores.n)
        cell = Cell(scores.mean, spread=scores.sd, paper=paper, source=source)
        cells.append(mark_below(cell, run, single, LOSS))
    return embolden(cells, higher_is_better=False)


def _variant_gain(results: Results, dataset: str, key: Key) -> Cell:
    """Return MTNAS - variant in loss, beside the same difference in the paper's Table 5."""
    cell = gain_cell(results, dataset, key, LOSS)
    values = [_paper_variant(dataset, k) for k in (MTNAS, key)]
    if cell.value is None or results.simulated(dataset) or None in values:
        return replace(cell, paper=None)
    ours, theirs = (value for value in values if value is not None)
    return replace(cell, paper=ours - theirs)


def _paper_variant(dataset: str, key: Key) -> float | None:
    row = REFERENCE if key[1] == PAPER else key[1]
    return paper_value("table5", dataset, row, LOSS)


EXHIBIT = Table5()
