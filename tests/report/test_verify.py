"""`mtnas verify`: what it computes again is right, and every planted fault is named."""

import gzip
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from mtnas.__main__ import main
from mtnas.data.prepare.inputs import numbers_file
from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.store import read_compact
from mtnas.data.prepare.vocabulary import ids_file
from mtnas.evidence.records import METRIC_COLUMNS, RunRecord, scores_by_seed
from mtnas.evidence.records import read_run as read
from mtnas.experiments.scoring import joined, predicted, predictions_of, scores_of, tidy
from mtnas.experiments.splits import split_digest, split_of
from mtnas.report.claims import write_ledger
from mtnas.report.published.publish import publish
from mtnas.report.render.writers import LEDGER_COLUMNS
from mtnas.report.verify import verify
from mtnas.report.verify.published import _is_same
from mtnas.report.verify.scores import scores_again
from mtnas.runtime.errors import RecordError
from mtnas.training.ensemble import LabelScale
from tests.helpers.mixed import MIXED, mixed_arrays, mixed_table
from tests.helpers.runs import NOISE, make_run, run_record
from tests.helpers.tables import write_manifest
from tests.report.test_published import main_study, undrawn  # noqa: F401

RUN = "results/runs/toys/mmoe/paper"
SEEDS = [0, 1, 2]
SCALES = (LabelScale(40.0, 9.0),) * 3  # of minutes, by seed


def outputs(scales=SCALES):
    """Return labels and outputs of every kind for three seeds, and how labels are scaled."""
    _, labels = mixed_arrays()
    y_UNT = torch.tensor(labels).expand(3, -1, -1)
    out_UNO = torch.randn(3, len(labels), 5, generator=torch.Generator().manual_seed(1))
    return y_UNT, out_UNO, [[LabelScale(), LabelScale(), scale] for scale in scales]


def measure(folder, table):
    """Write a run of tasks of every kind with its predictions, as a job would."""
    splits = [split_of(table, seed, fixed=False) for seed in SEEDS]
    minutes = [table.labels[split.train, 2].astype(float) for split in splits]
    y_UNT, out_UNO, scales = outputs([LabelScale(np.nanmean(y), np.nanstd(y)) for y in minutes])
    scores = scores_of(MIXED, out_UNO, y_UNT, scales)
    frame = tidy(MIXED, {u: {"test": scores[u]} for u in SEEDS})
    rows, p_UNO = np.arange(y_UNT.shape[1]), predicted(MIXED, out_UNO, scales).numpy()
    parts = [predictions_of(u, rows, y_UNT[u].numpy(), p_UNO[u]) for u in SEEDS]
    folder.mkdir(parents=True)
    write_run(folder, frame[list(METRIC_COLUMNS)], joined(MIXED, parts), map(split_digest, splits))


def write_run(folder, metrics, predictions, splits):
    """Write files and the record that describes them."""
    files = [folder / "metrics.csv", folder / "predictions.parquet"]
    metrics.to_csv(files[0], index=False)
    predictions.to_parquet(files[1], index=False)
    record = run_record("toys", "mmoe") | {"splits": dict(enumerate(splits))}
    RunRecord.of(record, folder).write(folder / "run.json", files)


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A folder of results: a run of every kind of task, its table, and a table's ledger."""
    monkeypatch.chdir(tmp_path)
    paths = mixed_table(tmp_path / "results/data/toys", dataset="toys")
    manifest = paths["manifest"].rename(tmp_path / "results/data/toys/manifest.json")
    numbers = numbers_file(paths["table"])
    numbers.parent.mkdir()
    np.save(numbers, np.zeros(3))
    Manifest.read(manifest).write(manifest, [paths["table"], ids_file(paths["table"]), numbers])
    measure(tmp_path / RUN, read_compact(paths["table"], manifest))
    mean = scores_by_seed(read(RUN))["auc_does_click"].mean()
    cell = {"row": "MMoE", "column": "AUC", "metric": "auc", "task": "does_click", "value": mean}
    table = pd.DataFrame([{**cell, "run_folder": RUN}], columns=list(LEDGER_COLUMNS))
    (tmp_path / "results/tables").mkdir()
    table.to_csv(tmp_path / "results/tables/table2.cells.csv", index=False)
    return tmp_path / "results"


def found(capsys, folder):
    status = main(["verify", str(folder)])
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    return status, [line for line in lines if line.startswith("WRONG")], printed


def test_scores_of_every_kind_are_computed_again():
    y_UNT, out_UNO, scales = outputs()
    ours = scores_of(MIXED, out_UNO, y_UNT, scales)[0]
    p_NO = predicted(MIXED, out_UNO, scales)[0].numpy()
    frame = joined(MIXED, [predictions_of(0, np.arange(600), y_UNT[0].numpy(), p_NO)])
    again = scores_again(MIXED, frame)
    assert len(again) == 4 + 4 + 3
    for (task, metric), value in again.items():
        assert ours[task][metric] == pytest.approx(value, rel=1e-5, abs=1e-6), (task, metric)
    weighted = [task.model_copy(update={"loss_weight": 2.0}) for task in MIXED[:2]]
    total = scores_again(weighted, frame)["all", "mtl_loss"]
    assert "mse" not in {metric for _, metric in again}  # needs the spread in training
    assert total == pytest.approx(2 * (ours["does_click"]["log_loss"] + ours["mood"]["log_loss"]))


def test_what_is_right_is_counted_and_what_is_not_checked_is_named(results, capsys):
    status, wrong, printed = found(capsys, "results")
    assert (status, wrong, printed.err) == (0, [], "")
    assert "ok           2 records, and 5 files that they describe" in printed.out
    assert "ok           39 test scores are those of the predictions" in printed.out
    assert "ok           1 cells of tables are those" in printed.out
    assert "predictions do not tell them" not in printed.out
    resealed(lambda _: None, splits=())(results)
    _, _, printed = found(capsys, "results")
    assert "mse of minutes, mtl_loss of all: predictions do not tell them" in printed.out


def resealed(change, splits=None):
    """Change the metrics of the run, and let its record be of them, as a forger would."""

    def plant(results):
        metrics = pd.read_csv(f"{RUN}/metrics.csv")
        known = read(RUN).record.splits.values() if splits is None else splits
        change(metrics)
        predictions = pd.read_parquet(f"{RUN}/predictions.parquet")
        write_run(results.parent / RUN, metrics, predictions, known)

    return plant


def edited(path, old, new):
    def plant(results):
        file = results.parent / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    return plant


def higher(metric):
    def change(metrics):
        metrics.loc[metrics["metric"] == metric, "value"] += 1e-4

    return change


def other_inputs(results):
    np.save(results / "data/toys/table.inputs/numbers.npy", np.ones(3))


FAULTS = {
    "inputs": (other_inputs, "table.inputs/numbers.npy: was changed after it was"),
    "scores": (resealed(higher("auc")), f"{RUN}/metrics.csv: auc of does_click, seed 0, is"),
    "a loss": (resealed(higher("mse")), f"{RUN}/metrics.csv: mse of minutes, seed 0, is"),
    "another split": (resealed(lambda _: None, "abc"), "run.json: seed 0 has the split a, but"),
    "a digit": (edited(f"{RUN}/metrics.csv", "0,test", "1,test"), "was changed after it was"),
    "a record": (edited(f"{RUN}/run.json", "12345", "12346"), "run.json: was changed"),
    "no record": (lambda _: (_.parent / RUN / "run.json").unlink(), "run.json: missing beside"),
    "no file": (lambda _: (_.parent / RUN / "predictions.parquet").unlink(), "parquet: missing"),
    "no manifest": (
        lambda _: (_ / "data/toys/manifest.json").unlink(),
        "data/toys/manifest.json: missing, and runs were trained on its table",
    ),
    "no JSON": (edited("results/data/toys/manifest.json", "{", "("), "manifest.json: not JSON"),
    "a cell": (edited("results/tables/table2.cells.csv", "0.", "0.1"), "line 2: MMoE, AUC is"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_file_and_remedy(results, capsys, fault):
    plant, message = FAULTS[fault]
    plant(results)
    status, wrong, printed = found(capsys, "results")
    assert status == 1 and any(message in line for line in wrong), printed.out
    assert all("run `.venv/bin/snakemake" in line for line in wrong)
    assert printed.err.startswith("RecordError: results: ") and printed.err.count("\n") == 1


def test_verdicts_follow_from_the_runs_that_they_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "results/runs"
    for method in ("single_task", "share_bottom", "mmoe", "ml_mmoe"):
        make_run(runs, method, (0.78, 0.79), dataset="bookcrossing")
    make_run(runs, "mtnas", (0.80, 0.80), dataset="bookcrossing", noise=NOISE[::-1] / 2)
    folders = [path.parent.relative_to(tmp_path) for path in runs.rglob("run.json")]
    manifest = write_manifest(tmp_path / "results/data/bookcrossing/manifest.json", "bookcrossing")
    ledger = tmp_path / "results/claims/claims.json"
    write_ledger(ledger, ledger.with_suffix(".md"), run_folders=folders, manifests=[manifest])
    entries = json.loads(ledger.read_text())
    _, wrong, printed = found(capsys, "results")
    assert not wrong and f"{len(entries)} verdicts follow from" in printed.out

    judged = next(entry for entry in entries if entry["estimate"] is not None)
    kept = manifest.rename(manifest.with_suffix(".kept"))
    _, (line,), printed = found(capsys, "results")
    assert "bookcrossing/manifest.json: missing" in line and "verdicts" not in printed.out
    kept.rename(manifest)
    true, judged["verdict"] = judged["verdict"], "planted"
    ledger.write_text(json.dumps(entries))
    _, wrong, _ = found(capsys, "results")
    (line,) = wrong
    assert f"claims.json: {judged['id']} says planted" in line and f"give {true}" in line


@pytest.fixture
def published(tmp_path, undrawn):  # noqa: F811
    publish(tmp_path / "published", **main_study(tmp_path / "main"))
    return tmp_path / "published"


def test_what_is_published_is_made_again_beside_it(published, capsys):
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    status, wrong, printed = found(capsys, published)
    assert (status, wrong) == (0, [])
    assert "ok           7 run records are as they were published" in printed.out
    assert "ok           tables: " in printed.out and "ok           claims: 2 files" in printed.out
    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before


def test_last_digits_of_decimals_may_differ_and_nothing_else():
    line = b"MTNAS,-0.00469,1.5e-05,12\n"
    assert _is_same(line, line.replace(b"469", b"46900000000001"))
    for old, new in ((b"469", b"4690001"), (b"12", b"13"), (b"-", b""), (b"MT", b"mt")):
        assert not _is_same(line, line.replace(old, new))


def test_faults_in_what_is_published_are_named(published, capsys, tmp_path):
    table, copy = published / "tables/table2.md", tmp_path / "copy"
    shutil.copytree(published, copy)
    table.write_text(table.read_text().replace("0.79", "0.78", 1))
    (published / "tables/other.md").write_text("x")
    (published / "figures/figure3.csv").unlink()
    (published / "answer.md").write_text("Yes.\n")
    _, wrong, _ = found(capsys, published)
    expected = [
        "other.md: the published numbers do not give",
        "table2.md: line ",
        "figure3.csv: missing",
        "published/answer.md: line 1 ",
    ]
    assert len(wrong) == 4
    assert all(any(said in line for line in wrong) for said in expected)
    assert all("rebuild --cores 1" in line for line in wrong)

    scores = copy / "metrics.csv.gz"
    scores.write_bytes(
        gzip.compress(gzip.decompress(scores.read_bytes()).replace(b"0.79", b"0.81", 1))
    )
    _, wrong, printed = found(capsys, copy)
    assert any("git checkout results/published" in line for line in wrong)

    (copy / "claims/claims.json").write_text("{<<<")
    _, (broken, _), _ = found(capsys, copy)
    assert "claims.json: not JSON" in broken and "snakemake" not in broken
    assert "they could not be made again" in printed.out


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(RecordError, match="no results here"):
        verify(tmp_path)
