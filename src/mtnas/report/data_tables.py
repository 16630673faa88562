"""What manifests tell of the prepared data, beside what the paper says about its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtnas.data.prepare.manifest import Manifest
from mtnas.report.names import dataset_name
from mtnas.report.paper import paper_value
from mtnas.report.render.layout import Cell, Kind, Source, Table

STATISTICS = {
    "train": "#Train",
    "valid": "#Valid",
    "test": "#Test",
    "fields": "Fields",
    "features": "Features (sparse)",
    "tasks": "Task number",
}


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


def manifest_cell(
    value: float, kind: Kind, path: str | Path, dataset: str, metric: str, paper: float | None
) -> Cell:
    """Return a cell of what a manifest tells about a dataset, beside the paper's number."""
    source = Source(dataset, metric=metric, run_folder=Path(path).as_posix())
    return Cell(float(value), kind, paper=paper, source=source)


def data_notes(manifests: Sequence[str | Path], paper: str) -> tuple[str, ...]:
    """Return the notes of a table about data: one about the paper's numbers, if there is any."""
    simulated = any(Manifest.read(path).simulated for path in manifests)
    told = "SIMULATED DATA: made by a generator, not measured." if simulated else ""
    return tuple(filter(None, (paper, told)))
