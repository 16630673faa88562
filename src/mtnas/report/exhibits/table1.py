"""Table 1: how many examples, fields, features and tasks a dataset has."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtnas.data.prepare.manifest import Manifest
from mtnas.report.data_tables import (
    STATISTICS,
    data_notes,
    manifest_cell,
    statistics_of,
)
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import dataset_name
from mtnas.report.paper import paper_value
from mtnas.report.render.layout import Block, Cell, Column, Row, Source, Table
from mtnas.study.plan import Plan


class Table1(TableExhibit):
    """The size of every dataset, beside the paper's."""

    place = 10

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the manifests of the datasets of the main tables."""
        data = tuple(plan.principal)
        return {"table1": Needs(manifests=data, paper=True)} if data else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return data_statistics(needs.manifest_files)


def data_statistics(manifests: Sequence[str | Path]) -> Table:
    """Build Table 1: a row per dataset, and the paper's row below it where there is one."""
    rows = [row for path in manifests for row in _statistics_rows(path)]
    columns = tuple(Column(label) for label in STATISTICS.values())
    beside = any(cell.source.run_folder == "paper" for row in rows for cell in row.cells)
    paper = "Rows marked 'in the paper' are the paper's Table 1; the row below is ours less it."
    notes = data_notes(manifests, paper if beside else "")
    return Table(
        "table1", "Statistics of the datasets", (Block("", "Dataset", columns, tuple(rows)),), notes
    )


def _statistics_rows(path: str | Path) -> list[Row]:
    manifest = Manifest.read(path)
    dataset, simulated = manifest.dataset, manifest.simulated
    counts = statistics_of(manifest)
    paper = {
        key: None if simulated else paper_value("table1", dataset, None, key) for key in STATISTICS
    }
    ours = (
        manifest_cell(counts[key], "count", path, dataset, key, paper[key]) for key in STATISTICS
    )
    rows = [
        Row(dataset_name(dataset, simulated), tuple(replace(c, paper_in_cell=False) for c in ours))
    ]
    if any(value is not None for value in paper.values()):
        theirs = (
            Cell(value, "count", source=Source(dataset, metric=key, run_folder="paper"))
            for key, value in paper.items()
        )
        rows.append(Row(f"{dataset_name(dataset)}, in the paper", tuple(theirs)))
        rows.append(
            Row(f"{dataset_name(dataset)}, difference", _gaps(counts, paper, path, dataset))
        )
    return rows


def _gaps(
    counts: Mapping[str, int], paper: Mapping[str, float | None], path: str | Path, dataset: str
) -> tuple[Cell, ...]:
    """Return ours less the paper's count, with its sign; nothing where the paper has none."""
    source = Source(dataset, run_folder=f"{Path(path).as_posix()} - paper")
    return tuple(
        Cell(None, "change")
        if value is None
        else Cell(counts[key] - value, "change", source=replace(source, metric=f"{key}_difference"))
        for key, value in paper.items()
    )


EXHIBIT = Table1()
