"""Table 4: the Pearson correlation of the task labels."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from mtnas.data.prepare.manifest import Manifest
from mtnas.report.data_tables import (
    data_notes,
    manifest_cell,
)
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import dataset_name, numbered
from mtnas.report.paper import paper_value
from mtnas.report.render.layout import Block, Cell, Column, Row, Table
from mtnas.study.plan import Plan

PAPER_PAIRS = ("t0_t1", "t1_t2", "t0_t2")  # the order of the paper's Table 4


class Table4(TableExhibit):
    """How the tasks of a dataset are related, beside the paper's."""

    place = 40

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the manifests of the datasets of the main tables."""
        data = tuple(plan.principal)
        return {"table4": Needs(manifests=data, paper=True)} if data else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return label_correlations(needs.manifest_files)


def label_correlations(manifests: Sequence[str | Path]) -> Table:
    """Build Table 4: Pearson correlations of the task labels beside the paper's.

    Datasets whose tasks have numbers for names share columns, as in the paper; those whose tasks
    have other names stand below, side by side with those that have the same ones.
    """
    alike: dict[tuple[str, ...], list[tuple[str | Path, Manifest]]] = {}
    for path, manifest in ((path, Manifest.read(path)) for path in manifests):
        names = tuple(task.name for task in manifest.tasks)
        alike.setdefault(() if all(map(numbered, names)) else names, []).append((path, manifest))
    blocks = tuple(block for block in map(_block, alike.values()) if block.columns)
    beside = any(c.paper is not None for block in blocks for row in block.rows for c in row.cells)
    paper = "'paper': the number of the paper's Table 4, and in brackets ours less it."
    without = [m.dataset for read in alike.values() for _, m in read if not _pairs(m)]
    told = f"No two labels of {', '.join(map(dataset_name, without))} have a correlation."
    notes = (*data_notes(manifests, paper if beside else ""), *[told] * bool(without))
    return Table("table4", "Pearson correlation of the task labels", blocks, notes)


def _block(read: Sequence[tuple[str | Path, Manifest]]) -> Block:
    """Return a row per dataset and a column per pair of tasks."""
    found = {pair: label for _, manifest in read for pair, label in _pairs(manifest).items()}
    pairs = [*(pair for pair in PAPER_PAIRS if pair in found), *found]
    pairs = list(dict.fromkeys(pairs))
    rows = tuple(
        Row(
            dataset_name(m.dataset, m.simulated),
            tuple(_correlation(path, m, pair) for pair in pairs),
        )
        for path, m in read
        if _pairs(m)
    )
    return Block("", "Dataset", tuple(Column(found[pair]) for pair in pairs), rows)


def _pairs(manifest: Manifest) -> dict[str, str]:
    """Return what readers call each pair of tasks whose labels have a correlation."""
    names = [task.name for task in manifest.tasks]
    pairs = {"_".join(pair): " & ".join(pair) for pair in combinations(names, 2)}
    return {pair: label for pair, label in pairs.items() if pair in manifest.label_pcc}


def _correlation(path: str | Path, manifest: Manifest, pair: str) -> Cell:
    value = manifest.label_pcc.get(pair)
    if value is None:
        return Cell(kind="correlation")
    dataset, simulated = manifest.dataset, manifest.simulated
    paper = None if simulated else paper_value("table4", dataset, None, pair)
    return manifest_cell(value, "correlation", path, dataset, f"pcc_{pair}", paper)


EXHIBIT = Table4()
