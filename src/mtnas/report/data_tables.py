"""Tables 1 and 4: what the prepared data are, beside what the paper says about its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtnas.data.prepare.manifest import Manifest
from mtnas.report.layout import Block, Cell, Column, Kind, Row, Source, Table
from mtnas.report.names import dataset_name
from mtnas.report.paper import paper_value

STATISTICS = {
    "train": "#Train",
    "valid": "#Valid",
    "test": "#Test",
    "fields": "Fields",
    "features": "Features (sparse)",
    "tasks": "Task number",
}
PAPER_PAIRS = ("t0_t1", "t1_t2", "t0_t2")  # the order of the paper's Table 4


def data_statistics(manifests: Sequence[str | Path], *, name: str = "table1") -> Table:
    """Build Table 1: a row per dataset, and the paper's row below it where there is one."""
    rows = [row for path in manifests for row in _statistics_rows(path)]
    columns = tuple(Column(label) for label in STATISTICS.values())
    beside = any(cell.source.run_folder == "paper" for row in rows for cell in row.cells)
    paper = "Rows marked 'in the paper' are the paper's Table 1; the row below is ours less it."
    notes = _notes(manifests, paper if beside else "")
    return Table(
        name, "Statistics of the datasets", (Block("", "Dataset", columns, tuple(rows)),), notes
    )


def label_correlations(manifests: Sequence[str | Path], *, name: str = "table4") -> Table:
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
    notes = _notes(manifests, paper if beside else "")
    title = "Pearson correlation of the task labels"
    return Table(name, title, (Block("", "Dataset", columns, rows),), notes)


def statistics_of(manifest: Manifest) -> dict[str, int]:
    """Return the counts of Table 1, keyed as `STATISTICS`."""
    return {
        **{split: manifest.split_sizes[split] for split in ("train", "valid", "test")},
        "fields": len(manifest.fields),
        "features": manifest.num_features,
        "tasks": len(manifest.tasks),
    }


def other_data(manifests: Sequence[str | Path]) -> str | None:
    """Say which datasets are not what the paper's numbers beside them were measured on."""
    found = []
    for manifest in map(Manifest.read, manifests):
        dataset, ours = manifest.dataset, statistics_of(manifest)
        paper = {key: paper_value("table1", dataset, None, key) for key in STATISTICS}
        theirs = {key: int(value) for key, value in paper.items() if value is not None}
        if theirs and not manifest.simulated and ours != theirs:
            found.append(
                f"{dataset_name(dataset)} has {_examples(ours):,} examples in {ours['fields']} "
                f"fields here, {_examples(theirs):,} in {theirs['fields']} in the paper"
            )
    return f"Other data than the paper's (Table 1): {'; '.join(found)}." if found else None


def with_note(table: Table, manifests: Sequence[str | Path]) -> Table:
    """Add a note on the datasets of a table that are not the paper's, if there are any."""
    shown = {cell.source.dataset for _, _, cell in table.cells()}
    note = other_data([path for path in manifests if Manifest.read(path).dataset in shown])
    return replace(table, notes=(*table.notes, note)) if note else table


def _examples(counts: Mapping[str, int]) -> int:
    return sum(counts[split] for split in ("train", "valid", "test"))


def _statistics_rows(path: str | Path) -> list[Row]:
    manifest = Manifest.read(path)
    dataset, simulated = manifest.dataset, manifest.simulated
    counts = statistics_of(manifest)
    paper = {
        key: None if simulated else paper_value("table1", dataset, None, key) for key in STATISTICS
    }
    ours = (_cell(counts[key], "count", path, dataset, key, paper[key]) for key in STATISTICS)
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


def _correlation(path: str | Path, manifest: Manifest, pair: str) -> Cell:
    value = manifest.label_pcc.get(pair)
    if value is None:
        return Cell(kind="correlation")
    dataset, simulated = manifest.dataset, manifest.simulated
    paper = None if simulated else paper_value("table4", dataset, None, pair)
    return _cell(value, "correlation", path, dataset, f"pcc_{pair}", paper)


def _cell(
    value: float, kind: Kind, path: str | Path, dataset: str, metric: str, paper: float | None
) -> Cell:
    source = Source(dataset, metric=metric, run_folder=Path(path).as_posix())
    return Cell(float(value), kind, paper=paper, source=source)


def _notes(manifests: Sequence[str | Path], paper: str) -> tuple[str, ...]:
    simulated = any(Manifest.read(path).simulated for path in manifests)
    told = "SIMULATED DATA: made by a generator, not measured." if simulated else ""
    return tuple(filter(None, (paper, told)))
