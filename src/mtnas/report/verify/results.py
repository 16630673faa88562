"""Check the folder that a study left."""

from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.pairing import on_common_seeds
from mtnas.evidence.records import Run, read_run, read_table, scores_by_seed
from mtnas.report.site import record
from mtnas.report.verify.digests import check_digests, check_manifests, check_raw, files_of
from mtnas.report.verify.outcome import Outcome
from mtnas.report.verify.scores import scores_again
from mtnas.report.verify.spreads import spreads_of
from mtnas.report.verify.verdicts import check_verdicts
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import remake
from mtnas.runtime.record import Record
from mtnas.tasks.metrics import column_of


def check_results(folder: Path, outcome: Outcome) -> None:
    """Check records, scores against predictions, cells of tables, and verdicts."""
    without = [name for name in check_digests(folder, outcome) if name != "claims/claims.json"]
    check_raw(folder, outcome)
    runs = _runs(folder, outcome)
    _check_scores(folder, runs, outcome)
    _check_cells(folder, runs, outcome)
    if check_manifests(folder, outcome):
        check_verdicts(folder, outcome)
    if without:
        outcome.unchecked.append(f"{', '.join(without)}: no digest in them")
    _check_shown(folder, outcome)


def _check_shown(folder: Path, outcome: Outcome) -> None:
    """Compare what readers see with what it was when the report was written."""
    if not (folder / record.NAME).is_file():
        others = "figures, the report, and the text of tables: no report.json has their digests"
        outcome.unchecked.append(others)
        return
    before = len(outcome.wrong)
    with outcome.noting():
        for wrong in record.changed(folder):
            outcome.note(wrong)
    if len(outcome.wrong) == before:
        outcome.right.append("tables, figures and texts are as the report was written with")


def _runs(folder: Path, outcome: Outcome) -> dict[str, Run]:
    """Read all runs that can be read, by the path that tables name them by."""
    found = {}
    for path in files_of(folder, "runs/*/*/*/run.json"):
        with outcome.noting():
            found[f"results/{path.parent.relative_to(folder)}"] = read_run(path.parent)
    return found


def _check_scores(folder: Path, runs: dict[str, Run], outcome: Outcome) -> None:
    """Compare test scores with those of the predictions beside them."""
    before, checked, unknown = len(outcome.wrong), 0, set[str]()
    for run in runs.values():
        path = run.folder / "predictions.parquet"
        manifest = folder / "data" / run.key[0] / "manifest.json"
        if not (path.is_file() and manifest.is_file()):
            lacking = manifest if path.is_file() else path
            outcome.unchecked.append(f"scores of {run.folder}: {lacking} is missing")
            continue
        with outcome.noting():
            table = manifest.with_name("table.parquet")
            checked += _check_run(run, Manifest.read(manifest), table, unknown)
    if checked and len(outcome.wrong) == before:
        outcome.right.append(f"{checked} test scores are those of the predictions")
    if unknown:
        outcome.unchecked.append(f"{', '.join(sorted(unknown))}: predictions do not tell them")


def _check_run(run: Run, manifest: Manifest, table: Path, unknown: set[str]) -> int:
    """Return how many scores of a run are those of its predictions; refuse a run with others."""
    _check_whole(run.folder / "predictions.parquet", run.record)
    _check_whole(table, manifest)
    predictions = pd.read_parquet(run.folder / "predictions.parquet")
    test = run.metrics[run.metrics["split"] == "test"]
    count, path = 0, run.folder / "metrics.csv"
    for seed, rows in test.groupby("seed"):
        spreads = spreads_of(run, manifest, table, int(str(seed)))
        again = scores_again(manifest.tasks, predictions[predictions["seed"] == seed], spreads)
        for task, metric, value in zip(rows["task"], rows["metric"], rows["value"], strict=True):
            if (task, metric) not in again:
                unknown.add(f"{metric} of {task}")
                continue
            if not np.isclose(again[task, metric], value, rtol=1e-5, atol=1e-6):
                raise RecordError(
                    f"{path}: {metric} of {task}, seed {seed}, is {value}, but predictions.parquet "
                    f"gives {again[task, metric]:.10g}; delete it and run `{remake(path)}`"
                )
            count += 1
    return count


def _check_whole(path: Path, record: Record) -> None:
    """Refuse a file that is not what its record was written with: it may not even be readable."""
    if path.is_file() and path.name in record.artefacts:
        record.check(path)


def _check_cells(folder: Path, runs: dict[str, Run], outcome: Outcome) -> None:
    """Compare the cells of tables that name a run, or two, with the scores of these."""
    before, checked = len(outcome.wrong), 0
    scores = {name: scores_by_seed(run) for name, run in runs.items()}
    for path in files_of(folder, "tables/*.cells.csv"):
        texts = ("row", "column", "metric", "task", "run_folder")
        for number, cell in enumerate(read_table(path, texts).to_dict("records"), start=2):
            again = _cell_again(cell, scores)
            if again is None:
                continue
            checked += 1
            if not np.isclose(again, cell["value"], rtol=1e-9, atol=1e-12):
                made = path.with_name(path.name.replace(".cells.csv", ".md"))
                outcome.note(
                    f"{path}, line {number}: {cell['row']}, {cell['column']} is {cell['value']}, "
                    f"but its runs give {again:.10g}; delete it and run `{remake(made)}`"
                )
    if checked and len(outcome.wrong) == before:
        outcome.right.append(f"{checked} cells of tables are those of the runs that they name")


def _cell_again(cell: Mapping[Hashable, object], scores: dict[str, pd.DataFrame]) -> float | None:
    """Return the mean, or the mean difference, that a cell should show; None if it is neither."""
    names = str(cell["run_folder"]).split(" - ")
    column = column_of(str(cell["metric"]), str(cell["task"]))
    if not all(name in scores and column in scores[name] for name in names) or len(names) > 2:
        return None
    values = [scores[name][column] for name in names]
    first, *second = on_common_seeds(*values)
    return float((first - second[0] if second else first).mean())
