"""Table 4: the Pearson correlation of the task labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtnas.data.prepare.manifest import Manifest
from mtnas.report.data_tables import (
    data_notes,
    manifest_cell,
)
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import dataset_name
from mtnas.report.paper import paper_value
from mtnas.report.render.layout import Block, Cell, Column, Row, Table

if TYPE_CHECKING:
    from mtnas.study.plan import Plan

PAPER_PAIRS = ("t0_t1", "t1_t2", "t0_t2")  # the order of the paper's Table 4


class Table4(TableExhibit):
    """How the tasks of a dataset are related, beside the paper's."""

    place = 40

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take the manifests of the datasets of the main tables."""
        return {"table4": Needs(manifests=tuple(plan.principal), paper=True)}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return label_correlations(needs.manifest_files)


def label_correlations(manifests: Sequence[str | Path]) -> Table:
    """Build Table 4: Pearson correlations of the task labels beside the paper's."""
    read = [(path, Manifest.read(path)) for path in manifests]
    found = [pair for _, manifest in read for pair in manifest.label_pcc]
    pairs = list(dict.fromkeys([*(p for p in PAPER_PAIRS if p in found), *found]))
    columns = tuple(Column(pair.replace("_", " & ")) for pair in pairs)
    rows = tuple(
        Row(
            dataset_name(m.dataset, m.simulated),
            tuple(_correlation(path, m, pair) for pair in pairs),
        )
        for path, m in read
    )
    beside = any(cell.paper is not None for row in rows for cell in row.cells)
    paper = "'paper': the number of the paper's Table 4, and in brackets ours less it."
    notes = data_notes(manifests, paper if beside else "")
    title = "Pearson correlation of the task labels"
    return Table("table4", title, (Block("", "Dataset", columns, rows),), notes)


def _correlation(path: str | Path, manifest: Manifest, pair: str) -> Cell:
    value = manifest.label_pcc.get(pair)
    if value is None:
        return Cell(kind="correlation")
    dataset, simulated = manifest.dataset, manifest.simulated
    paper = None if simulated else paper_value("table4", dataset, None, pair)
    return manifest_cell(value, "correlation", path, dataset, f"pcc_{pair}", paper)


EXHIBIT = Table4()
