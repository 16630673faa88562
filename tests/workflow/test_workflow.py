"""The real workflow on embedded data: what it writes, and what a change makes it do again."""

import json
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from mtnas.runtime.files import read_json

pytestmark = pytest.mark.slow

STUDY = ("--configfile", "config/test.yaml")
RUNS = "results/runs/insteval"
METHODS = {f"{m}/paper" for m in ("single_task", "share_bottom", "mmoe", "ml_mmoe", "mtnas")}
VARIANTS = {f"mtnas/{v}" for v in ("inherit", "finetune", "random_routes", "full_sharing")}
ALL = METHODS | VARIANTS | {"control_perfect/paper", "control_shuffled/paper"}

BOOKS = {
    "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\r\n'
    + "".join(f'"{i}";"{i % 4}";"{(0, 5, 10)[i % 3]}"\r\n' for i in range(30)),
    "BX-Users.csv": '"User-ID";"Location";"Age"\r\n'
    + "".join(f'"{i}";"a, b, c";"{20 + i}"\r\n' for i in range(30)),
    "BX-Books.csv": '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";'
    '"Image-URL-S";"Image-URL-M";"Image-URL-L"\r\n'
    + "".join(f'"{i}";"Book {i}";"c";"{1990 + i}";"d";"";"";""\r\n' for i in range(4)),
}


def metrics_of(checkout, run):
    return pd.read_csv(checkout.folder / RUNS / run / "metrics.csv")


def test_every_run_left_its_files(finished):
    for run in ALL:
        folder = finished.folder / RUNS / run
        assert {p.name for p in folder.iterdir()} == {
            "metrics.csv",
            "model.safetensors",
            "predictions.parquet",
            "run.json",
        }
        record = read_json(folder / "run.json")
        assert record["spec"]["seeds"] == [0, 1]
        assert len(record["code"]) == 12
    for name in ("tables/table1", "tables/table2", "tables/table4"):
        for ending in ("md", "tex", "csv", "cells.csv"):
            assert (finished.folder / f"results/{name}.{ending}").stat().st_size > 0
    for name in ("figure1", "figure2", "figure3", "search_curves"):
        for ending in ("png", "pdf", "csv"):
            assert (finished.folder / f"results/figures/{name}.{ending}").stat().st_size > 0
    assert (finished.folder / "results/report.html").stat().st_size > 0
    ledger = json.loads((finished.folder / "results/claims/claims.json").read_text())
    measured, beyond = (
        {claim["id"] for claim in ledger if claim[key] != "not measured"}
        for key in ("verdict", "beyond")
    )
    anywhere = {"C15", "C16", "C17"}  # judged without data, or on any
    assert measured == {*anywhere, "B1", "B2", "B5"}  # the others on planted tasks alone
    assert beyond == {"C1", "C2", "C3", "C4", "C7", "C14"}  # the paper speaks of other data


@pytest.mark.parametrize(("run", "score"), [("control_perfect", 1.0), ("control_shuffled", 0.5)])
def test_controls_land_where_they_must(finished, run, score):
    metrics = metrics_of(finished, f"{run}/paper")

    aucs = metrics.query("metric == 'auc'")["value"].to_numpy()

    assert len(aucs) == 2 * 2 * 2  # seeds, splits, tasks
    # About 11,000 test examples: the standard error of a random AUC is below 0.006.
    assert np.allclose(aucs, score, atol=0 if score == 1 else 0.02)


@pytest.mark.parametrize("run", sorted(ALL))
def test_metrics_are_those_of_the_predictions(finished, run):
    predictions = pd.read_parquet(finished.folder / RUNS / run / "predictions.parquet")
    written = metrics_of(finished, run).query("split == 'test'").set_index(["seed", "task"])

    for seed, rows in predictions.groupby("seed"):
        total = 0.0
        for task in ("t0", "t1"):
            y, p = rows[f"y_{task}"], rows[f"p_{task}"]
            values = written.loc[(seed, task)].set_index("metric")["value"]
            assert values["auc"] == pytest.approx(roc_auc_score(y, p), abs=1e-6)
            assert values["log_loss"] == pytest.approx(log_loss(y, p), rel=1e-5, abs=1e-6)
            total += values["log_loss"]
        assert written.loc[(seed, "all"), "value"] == pytest.approx(total, rel=1e-6)


def test_runs_are_paired_by_seed(finished):
    rows = {
        run: pd.read_parquet(
            finished.folder / RUNS / run / "predictions.parquet", columns=["seed", "row"]
        )
        for run in sorted(ALL)
    }

    first = rows.pop("mtnas/paper")
    for run, frame in rows.items():
        pd.testing.assert_frame_equal(frame, first, obj=run)


def test_nothing_runs_again_after_changes_that_change_no_number(again):
    for path in (
        "src/mtnas/methods/mmoe.py",
        "src/mtnas/experiments/train.py",
        "src/mtnas/methods/parts/layers.py",
    ):
        file = again.folder / path
        text = file.read_text(encoding="utf-8")
        text = text.replace('"""', '"""Another line. ', 1)
        file.write_text("# A comment.\n" + text, encoding="utf-8")
    for script in (again.folder / "workflow/scripts").iterdir():
        script.touch()
    # A variant that no experiment has, another method, how many seeds train at once.
    again.write("config/more.yaml", "variants: {mmoe: {wide: {num_experts: 9}}}\n")
    again.write("src/mtnas/methods/toy.py", "from mtnas.methods.mmoe import Options, Sharing\n")
    speed = ("--set-resources", "train:seeds_at_once=1")

    assert not again.plan(*STUDY, "config/more.yaml", *speed).jobs


# Which jobs another option reaches, `tests/study/test_plan.py` tells without Snakemake.
def test_a_file_between_others_that_is_gone_is_made_again(again):
    for name in ("data/insteval/manifest.json", "routes/insteval/mtnas/paper/routes.json"):
        (again.folder / "results" / name).rename(again.folder / "kept")
        assert again.plan(*STUDY).jobs["all"] == 1
        (again.folder / "kept").rename(again.folder / "results" / name)
    assert not again.plan(*STUDY).jobs


def test_a_change_of_a_method_reruns_that_method_and_what_shows_it(again):
    again.write("config/more.yaml", "methods: {share_bottom: {hidden_dim: 32}}\n")
    again.edit(
        "src/mtnas/methods/mmoe.py", "root_BR = self.root(x_BD)", "root_BR = 1.5 * self.root(x_BD)"
    )
    again.edit(  # the schema that is kept in a file still has the old default
        "src/mtnas/methods/ml_mmoe.py", "num_experts: int = Field(4,", "num_experts: int = Field(6,"
    )

    plan = again.plan(*STUDY, "config/more.yaml")

    assert plan.trained == {"share_bottom/paper", "mmoe/paper", "ml_mmoe/paper"}
    shown = {"table": 1, "figure": 2, "claims": 1, "answer": 1, "report": 1, "all": 1}
    assert plan.jobs == {"train": 3, "subgraphs": 1, **shown}


def test_raw_files_count_by_what_is_in_them_not_by_where_they_are(fresh):
    raw, target = fresh.folder / "here", "results/data/bookcrossing/manifest.json"
    raw.mkdir()
    for name, text in BOOKS.items():
        (raw / name).write_text(text)

    def study(folder):
        return (target, "--config", f"bookcrossing_raw={folder}")

    fresh.snakemake(*study("here"))
    raw = raw.rename(fresh.folder / "there")

    assert not fresh.plan(*study("there")).jobs
    with (raw / "BX-Users.csv").open("a") as file:
        file.write('"30";"a, b, c";"40"\r\n')
    assert fresh.plan(*study("there")).jobs["prepare"] == 1


SIMULATED_STUDY = """\
seeds: 1
datasets: [tiktok]
dataset_options: {tiktok: {simulate: 3000}}
training: {epochs: 1}
methods: {mtnas: {search: {steps: 2}}}
experiments: {main: {methods: [mmoe, mtnas], variants: {mtnas: [paper]}}}
"""


def test_a_simulated_study_says_so_on_everything_it_makes(fresh):
    study = ("--configfile", fresh.write("config/small.yaml", SIMULATED_STUDY))
    results, label = fresh.folder / "results", "TikTok (SIMULATED DATA)"

    fresh.snakemake(*study)

    assert read_json(results / "simulated/tiktok/SIMULATED.json")["rows"] == 3000
    assert read_json(results / "data/tiktok/manifest.json")["simulated"] is True
    assert read_json(results / "runs/tiktok/mmoe/paper/run.json")["simulated"] is True
    assert read_json(results / "routes/tiktok/mtnas/paper/routes.json")["simulated"] is True
    for name in ("table1", "table2", "table4"):
        for ending in ("md", "tex", "csv", "cells.csv"):
            assert label in (results / f"tables/{name}.{ending}").read_text(), (name, ending)
    report = (results / "report.html").read_text()
    assert 'class="warning">SIMULATED DATA: 1 of 1 data set: TikTok' in report
    assert report.count("<figcaption>SIMULATED DATA: TikTok. ") == 3

    assert not fresh.plan(*study).jobs
    more = fresh.write("config/more.yaml", "dataset_options: {tiktok: {simulate: 3001}}\n")
    jobs = fresh.plan(*study, more).jobs
    assert (jobs["simulate"], jobs["prepare"], jobs["train"]) == (1, 1, 2)


def test_a_changed_table_reruns_that_table(again):
    again.edit("src/mtnas/report/exhibits/table2.py", "FEW = 2", "FEW = 3")

    jobs = again.plan(*STUDY).jobs

    assert not {"train", "search", "prepare"} & set(jobs)
    assert jobs["table"] == jobs["report"] == 1


def test_changed_seeds_rerun_everything_but_the_data(again):
    plan = again.plan(*STUDY, "--config", "seeds=3")

    assert plan.trained == ALL
    assert plan.jobs["search"] == 3
    assert "prepare" not in plan.jobs and plan.jobs["table"] == 1  # 1 and 4 are of the data


def test_published_tables_are_those_of_the_study_and_are_rebuilt_anywhere(again, fresh):
    again.snakemake("publish", *STUDY)
    results, published = again.folder / "results", again.folder / "results/published"

    tables = [p for p in results.glob("tables/*") if p.suffix != ".html"]  # those are not kept
    for path in [*tables, *results.glob("claims/*")]:
        again_made = published / path.parent.name / path.name
        # The command for what is missing adds to the study here, to what is published there.
        made = path.read_bytes().replace(b"snakemake claims", b"snakemake publish")
        assert again_made.read_bytes() == made, path.name
    figure = "figures/figure3.png"
    assert (published / figure).read_bytes() == (results / figure).read_bytes()
    record = read_json(published / "runs.json")["insteval/mmoe/paper"]
    command = ".venv/bin/snakemake publish --cores 2 --configfile config/test.yaml"
    assert record["study"] == command
    assert (published / "audit/insteval.md").read_text().startswith("### ")

    # Where only the numbers are: no raw data, no runs, another study as configuration.
    whole = {p.relative_to(published): p.read_bytes() for p in published.rglob("*") if p.is_file()}
    clone = fresh.folder / "results/published"
    derived = ("tables", "figures", "*.md", "report.html")
    shutil.copytree(published, clone, ignore=shutil.ignore_patterns(*derived))
    fresh.snakemake("rebuild")
    assert {p.relative_to(clone): p.read_bytes() for p in clone.rglob("*") if p.is_file()} == whole
    assert not (fresh.folder / "results/runs").exists()


def test_how_many_seeds_train_at_once_is_speed_only(again, finished):
    again.snakemake(
        *STUDY,
        "--set-resources",
        "train:seeds_at_once=1",
        "--force",
        f"{RUNS}/mmoe/paper/metrics.csv",
    )

    one = metrics_of(again, "mmoe/paper")
    assert read_json(again.folder / RUNS / "mmoe/paper/run.json")["timings"]["seeds_at_once"] == 1
    pd.testing.assert_frame_equal(one, metrics_of(finished, "mmoe/paper"), atol=1e-4, rtol=0)


def test_a_killed_workflow_goes_on_and_gives_the_same_numbers(finished, fresh):
    targets = [f"{RUNS}/{run}/metrics.csv" for run in ("share_bottom/paper", "mmoe/paper")]
    with (fresh.folder / "printed").open("w") as printed:
        process = subprocess.Popen(
            fresh.command(*targets, *STUDY),
            cwd=fresh.folder,
            env=fresh.environment(),
            stdout=printed,
            stderr=printed,
            start_new_session=True,  # its group is killed below, and nothing else
        )
        wait_for(fresh.folder / "results/logs/train/insteval/mmoe/paper.log", process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (fresh.folder / RUNS / "mmoe/paper/metrics.csv").exists()

    fresh.snakemake("--unlock", *STUDY)
    fresh.snakemake(*targets, *STUDY)

    for run in ("share_bottom/paper", "mmoe/paper"):
        pd.testing.assert_frame_equal(metrics_of(fresh, run), metrics_of(finished, run))
    left_over = [p for p in (fresh.folder / RUNS).rglob(".*") if p.is_file()]
    assert len(left_over) <= 2  # temporary files of the killed jobs, never read


def wait_for(path, process, seconds=120):
    """Wait until a file exists; fail if the process ends first."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, (path.parents[5] / "printed").read_text()
        assert time.monotonic() < end, f"no {path} after {seconds} s"
        time.sleep(0.05)
