"""What is published, how studies are merged there, and the numbers that README takes from it."""

import gzip
import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mtnas.__main__ import main
from mtnas.data.prepare.manifest import Manifest, TaskSummary
from mtnas.evidence.exhaustive_table import GroundTruth, read_ground_truth
from mtnas.evidence.records import RUN_COLUMNS, RunRecord
from mtnas.report import exhibits
from mtnas.report.exhibits.figure3 import Figure3
from mtnas.report.exhibits.search_curves import SearchCurves
from mtnas.report.published import publish as publishing
from mtnas.report.published import told
from mtnas.report.published.blocks import COMPARED, measured
from mtnas.report.published.documents import fill, refresh
from mtnas.report.published.plans import merged
from mtnas.report.published.publish import publish, unpublish
from mtnas.report.published.rebuild import rebuild
from mtnas.report.published.store import read_plan, read_runs
from mtnas.report.published.whole import SUMS
from mtnas.report.render.style import save_figure
from mtnas.report.verify import verify
from mtnas.routes.named import full_sharing, share_bottom
from mtnas.routes.patterns import patterns
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import sealed, write_json
from mtnas.study.plan import Facts, Plan, Variant
from mtnas.study.search_spaces import Judged
from tests.helpers.runs import NOISE, edit_run_record, make_run, make_subgraphs
from tests.helpers.searches import exhaustive_record, write_search
from tests.helpers.tables import write_manifest

REPOSITORY = Path(__file__).resolve().parents[2]
SPACE = SearchSpace(1, 3, 2, "root")
SEEDS = (0, 1, 2)
CONTROLS = {"random_routes": "random", "full_sharing": "full_sharing"}
VARIANTS = {
    ("mtnas", name): Variant(name.replace("_", " "), {"search.strategy": strategy}, place)
    for place, (name, strategy) in enumerate(CONTROLS.items(), 1)
}
MAIN = [*COMPARED, ("mtnas", "paper"), *VARIANTS]
COMMAND = ".venv/bin/snakemake publish --cores 2 --configfile config/bookcrossing.yaml"


def make_manifest(root, dataset, **more):
    sizes = {"train": 5200, "valid": 1000, "test": 1000}
    path = root / "data" / dataset / "manifest.json"
    told = {"split_sizes": sizes, "content_sha256": "0" * 64}  # as the runs of `make_run`
    return write_manifest(path, dataset, **told, **more)


def make_routes(root, dataset, variant="paper", simulated=False, seeds=SEEDS):
    """Write a search that found Share-Bottom, with its curve."""
    path = root / "routes" / dataset / "mtnas" / variant / "routes.json"
    told = {"probability": 0.25, "entropy": 1.2, "uniform_entropy": 1.5}
    curve = {"step": [1, 2], "reward": [1.23456789, 2.0], "entropy": [1.5, 1.4]}
    return write_search(
        path,
        dict.fromkeys(seeds, share_bottom(SPACE)),
        dataset=dataset,
        variant=variant,
        simulated=simulated,
        seconds=41.7,
        blocks=lambda route: dict.fromkeys(SPACE.blocks, told),
        more={"curve": curve, "scores": {"0": 1.5}},
    )


def main_study(root, dataset="bookcrossing", scores=((0.78, 0.80), (0.79, 0.81)), **more):
    """Return what publishes runs in which MTNAS beats every method and equals its controls."""
    better, noise = ("mtnas", scores[1], 0.73), NOISE * 1.5
    runs = [make_run(root, name, scores[0], 0.74, dataset=dataset, **more) for name, _ in COMPARED]
    runs += [make_run(root, *better, noise=noise, dataset=dataset, **more)]
    runs += [make_run(root, *better, variant=v, dataset=dataset, **more) for v in CONTROLS]
    simulated = more.get("simulated", False)
    plan = Plan(
        {dataset: Facts(2)},
        {"main": [(dataset, *row) for row in MAIN]},
        {(dataset, "mtnas", "paper"): "paper"},
        variants=VARIANTS,
    )
    return {
        "plan": plan.to_json(),
        "command": COMMAND,
        "run_folders": runs,
        "routes": [make_routes(root, dataset, simulated=simulated)],
        "manifests": [make_manifest(root, dataset, simulated=simulated)],
    }


def trained_for_four_epochs(record):
    """Let a record tell of as many epochs."""
    for fit in record["fits"]:
        fit.update(train_loss=[0.5] * 4, valid_loss=[0.5] * 4, valid_losses=[[0.5]] * 4)


def figure1_study(root, seeds=range(20)):
    """Return the arguments that publish MMoE and the cut MMoE over other seeds."""
    noise = np.linspace(-0.002, 0.002, len(seeds))
    methods = {"mmoe": 0.78, "cut_mmoe": 0.785}
    runs = [
        make_run(root, name, (auc, 0.80), 0.74 - (auc - 0.78), seeds=seeds, noise=noise)
        for name, auc in methods.items()
    ]
    plan = Plan(
        {"bookcrossing": Facts(2)},
        {"figure1": [("bookcrossing", name, "paper") for name in methods]},
    )
    return {
        "plan": plan.to_json(),
        "command": f"{COMMAND} config/figure1.yaml",
        "run_folders": runs,
        "routes": [],
        "manifests": [make_manifest(root, "bookcrossing")],
        "subgraphs": make_subgraphs(root / "subgraphs.json"),
    }


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the two figures that every study has: they take the most time."""

    def write(exhibit, needs, png, csv):
        Path(png).parent.mkdir(exist_ok=True)
        Image.new("L", (1, 1 + len(needs.searches))).save(png)
        Path(csv).write_text(f"figure of {len(needs.searches)} searches")

    for exhibit in (Figure3, SearchCurves):
        monkeypatch.setattr(exhibit, "write", write)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A study that is published, to copy."""
    root = tmp_path_factory.mktemp("once")
    arguments = main_study(root / "main")
    publish(root / "published", **arguments)
    return root / "published", arguments


@pytest.fixture
def study(once, tmp_path):
    """A published study that a test may change: older ones were not sealed."""
    shutil.copytree(once[0], tmp_path / "published")
    (tmp_path / "published" / SUMS).unlink()
    return tmp_path / "published", once[1]


def tree(folder):
    """Return the bytes of all files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def records_of(folder):
    return json.loads((folder / "runs.json").read_text())


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def seal_metrics(folder, method):
    """Let the record of a published run be of the metrics that are published now."""
    key = ("bookcrossing", method, "paper")
    text = read_runs(folder)[key].metrics.to_csv(index=False, lineterminator="\n")

    def seal(records):
        record = records["/".join(key)]
        record["artefacts"]["metrics.csv"] = hashlib.sha256(text.encode()).hexdigest()
        record |= sealed(record)

    change(folder / "runs.json", seal)


def ledger(folder, table="table2"):
    return pd.read_csv(folder / "tables" / f"{table}.cells.csv")


def verdicts(folder):
    return {c["id"]: c for c in json.loads((folder / "claims" / "claims.json").read_text())}


def test_all_metrics_are_published_tidy(study):
    folder, _ = study
    text = gzip.decompress((folder / "metrics.csv.gz").read_bytes()).decode()
    metrics = pd.read_csv(io.StringIO(text))
    assert tuple(metrics.columns) == RUN_COLUMNS
    assert len(metrics) == 7 * 3 * 5  # runs, seeds, scores


@pytest.mark.usefixtures("undrawn")
def test_records_keep_all_but_digits_of_curves(tmp_path):
    arguments = main_study(tmp_path / "main")
    gates = {"0": [[0.123456789, 0.876543211]]}
    fits = [
        {
            **{"seed": 0, "tasks": [0, 1], "best_epoch": 1, "train_loss": []},
            **{"valid_loss": [0.123456789, 1.0], "valid_losses": []},
        }
    ]
    options = {"kept": 1.23456789}
    told = {"gates": gates, "fits": fits, "options": options}
    edit_run_record(arguments["run_folders"][2], lambda record: record.update(told))
    publish(tmp_path / "published", **arguments)
    kept = records_of(tmp_path / "published")["bookcrossing/mmoe/paper"]
    assert kept["code"] == "code-mmoe"
    assert kept["gates"] == gates
    assert kept["fits"] == [{**fits[0], "valid_loss": [0.123457, 1.0]}]
    assert kept["options"] == options
    assert kept["study"] == COMMAND
    assert kept["git"] == {"commit": "abc", "dirty": False}
    lines = (tmp_path / "published" / "runs.json").read_text().splitlines()
    assert len(lines) == 7 + 2  # a run in a line: a diff says which runs are new


def test_everything_is_rebuilt_from_what_is_published(study):
    folder, _ = study
    made = {
        *(f"tables/table{n}.{e}" for n in (1, 2, 4) for e in ("md", "tex", "csv", "cells.csv")),
        *("claims/claims.json", "claims/claims.md"),
        *(f"figures/{name}.{e}" for name in ("figure3", "search_curves") for e in ("png", "csv")),
    }
    before = tree(folder)
    assert made <= before.keys()
    for name in made:
        (folder / name).unlink()
    (folder / "figures" / "stale.png").write_bytes(b"of runs that are gone")
    rebuild(folder)
    assert tree(folder) == before


@pytest.mark.usefixtures("undrawn")
def test_a_planted_wrong_number_shows_in_table_ledger_and_claim(study):
    folder, _ = study
    before, before_claims = ledger(folder), verdicts(folder)
    text = gzip.decompress((folder / "metrics.csv.gz").read_bytes()).decode()
    old = "bookcrossing,share_bottom,paper,1,test,t0,auc,0.78\n"
    assert text.count(old) == 1
    planted = text.replace(old, old.replace("0.78", "0.93"))
    (folder / "metrics.csv.gz").write_bytes(gzip.compress(planted.encode()))
    table = (folder / "tables" / "table2.md").read_text()
    with pytest.raises(RecordError, match="share_bottom/paper/metrics.csv: was changed after"):
        rebuild(folder)
    seal_metrics(folder, "share_bottom")
    rebuild(folder)

    assert "| Share-Bottom | **0.8300 ±" in (folder / "tables" / "table2.md").read_text()
    assert "0.8300" not in table
    after = ledger(folder)
    place = (after["row"] == "Share-Bottom") & (after["column"] == "Book-Crossing AUC0")
    earlier = (before["row"] == "Share-Bottom") & (before["column"] == "Book-Crossing AUC0")
    assert (before[earlier]["value"].item(), after[place]["value"].item()) == (
        pytest.approx(0.78),
        pytest.approx(0.83),
    )
    for claims, verdict, mean in (
        (before_claims, "replicated", 0.01),
        (verdicts(folder), "", -0.04),
    ):
        entry = claims["C1"]
        found = next(
            c for c in entry["comparisons"] if "auc_t0: mtnas/paper - share_bot" in c["what"]
        )
        assert found["estimate"] == pytest.approx(mean)
        assert entry["verdict"] == (verdict or "inconclusive")


@pytest.mark.usefixtures("undrawn")
def test_a_wrong_gate_score_and_a_wrong_time_show_too(tmp_path):
    arguments = main_study(tmp_path / "main")
    gates = {str(s): [[0.05 + s / 1000, 0.95 - s / 1000]] * 2 for s in SEEDS}
    for name in (1, 2, 3):
        edit_run_record(arguments["run_folders"][name], lambda record: record.update(gates=gates))
    for run in arguments["run_folders"]:
        edit_run_record(run, trained_for_four_epochs)
    folder = tmp_path / "published"
    publish(folder, **arguments)
    before = verdicts(folder)
    assert before["C7"]["estimate"] == pytest.approx(0.051)

    def plant(records):
        records["bookcrossing/mmoe/paper"]["gates"]["2"] = [[0.35, 0.65]] * 2
        for record in records.values():
            record["timings"]["train_seconds"] = 1.0
            record |= sealed(record)

    change(folder / "runs.json", plant)
    (folder / SUMS).unlink()
    rebuild(folder)
    after = verdicts(folder)
    assert after["C7"]["estimate"] != before["C7"]["estimate"]
    assert after["C14"]["estimate"] == pytest.approx(12.3 * before["C14"]["estimate"])


@pytest.mark.usefixtures("undrawn")
def test_a_run_replaces_its_predecessor_and_all_others_stay(study, tmp_path):
    folder, _ = study
    before = tree(folder)
    publish(folder, **figure1_study(tmp_path / "figure1"))

    records = records_of(folder)
    assert len(records) == 7 + 1
    assert len(records["bookcrossing/mmoe/paper"]["spec"]["seeds"]) == 20
    assert len(records["bookcrossing/ml_mmoe/paper"]["spec"]["seeds"]) == 3
    assert records["bookcrossing/mmoe/paper"]["study"].endswith("figure1.yaml")
    assert (
        tree(folder)["routes/bookcrossing/mtnas/paper.json"]
        == before["routes/bookcrossing/mtnas/paper.json"]
    )
    assert (folder / "figures" / "figure1.png").is_file()
    assert verdicts(folder)["C6"]["seeds"] == 20
    table = (folder / "tables" / "table2.md").read_text()
    assert "Book-Crossing: MTNAS 3, MMoE 20 (3 in common)." in table
    assert "Cut MMoE" not in table  # it is no part of the main comparison
    cells = ledger(folder)
    place = cells["column"].eq("Book-Crossing AUC0")
    seeds = cells[place].set_index("row")["seeds"]
    assert (seeds["MMoE"], seeds["MTNAS"], seeds["MTNAS − MMoE"]) == (20, 3, 3)
    claim = next(c for c in verdicts(folder)["C1"]["comparisons"] if "- mmoe/" in c["what"])
    assert (claim["seeds"], claim["over"]) == (
        3,
        "3 common seeds, corrected t: splits overlap",
    )


@pytest.mark.usefixtures("undrawn")
def test_the_order_of_publishing_does_not_matter(tmp_path):
    main, other = main_study(tmp_path / "main"), figure1_study(tmp_path / "other", seeds=SEEDS)
    # Both have MMoE: the last one would win.
    other["run_folders"] = [p for p in other["run_folders"] if "cut_mmoe" in str(p)]
    other["plan"]["experiments"] = {"figure1": ["bookcrossing/cut_mmoe/paper"]}
    for name, order in (("a", (main, other)), ("b", (other, main))):
        for arguments in order:
            publish(tmp_path / name, **arguments)
    first, second = tree(tmp_path / "a"), tree(tmp_path / "b")
    # Experiments are listed as they came: so is the report, which is not kept.
    for name in ("inventory.json", SUMS, "report.html"):
        assert first.pop(name) and second.pop(name)
    assert first == second


def test_searches_judged_on_a_dataset_are_replaced_in_the_order_of_the_datasets():
    datasets = {name: Facts(2) for name in ("low", "middle", "high")}

    def judged(variant, *names):
        table = {"space": {name: [Judged(variant, variant, False)] for name in names}}
        return Plan({name: datasets[name] for name in names}, judged=table)

    both = merged(Plan(datasets), judged("paper", "high", "low"))
    both = merged(both, judged("plus", "middle", "low"))

    found = [(name, entry.variant) for name, (entry,) in both.judged["space"].items()]
    assert found == [("low", "plus"), ("middle", "plus"), ("high", "paper")]


def as_measured_on(arguments, *, table="old", split="old", manifest="old"):
    """Say in the files of a study which table and which split of seed 0 it is of."""
    for run in arguments["run_folders"]:

        def tell(record):
            record["data"]["content_sha256"] = table
            record["splits"] = {"0": split} if split else {}

        edit_run_record(run, tell)
    for path in arguments["manifests"]:
        Manifest.read(path).model_copy(update={"content_sha256": manifest}).write(path, ())
    return arguments


@pytest.mark.usefixtures("undrawn")
def test_runs_of_other_data_or_other_splits_are_refused_until_they_are_taken_out(tmp_path):
    folder = tmp_path / "published"
    publish(folder, **as_measured_on(main_study(tmp_path / "main")))
    before = tree(folder)
    changes = [{"table": "new"}, {"split": "new"}, {"split": ""}, {"manifest": "new"}]
    for at, change in enumerate(changes):
        arguments = as_measured_on(figure1_study(tmp_path / str(at)), **change)
        message = "another table or other splits of bookcrossing.*mtnas unpublish bookcrossing/si"
        with pytest.raises(RecordError, match=message):
            publish(folder, **arguments)
        assert tree(folder) == before
    unpublish(folder, ["bookcrossing"])
    assert not records_of(folder)
    publish(folder, **arguments)
    assert len(records_of(folder)) == 2


@pytest.mark.usefixtures("undrawn")
def test_runs_that_were_left_from_another_study_are_refused(tmp_path):
    arguments = main_study(tmp_path / "main")
    specs = {
        "/".join(run.parts[-3:]): json.loads((run / "run.json").read_text())["spec"]
        for run in arguments["run_folders"]
    }
    publish(tmp_path / "published", **arguments, specs=specs)
    specs["bookcrossing/mmoe/paper"] = {**specs["bookcrossing/mmoe/paper"], "seeds": (0, 1, 2, 3)}
    before = tree(tmp_path / "published")
    message = "results/runs/bookcrossing/mmoe/paper: made with other seeds than this study has"
    with pytest.raises(RecordError, match=message):
        publish(tmp_path / "published", **arguments, specs=specs)
    assert tree(tmp_path / "published") == before


@pytest.mark.usefixtures("undrawn")
def test_a_tuned_run_is_of_the_study_that_asked_for_it(tmp_path):
    arguments = main_study(tmp_path / "main")
    run = arguments["run_folders"][2]
    edit_run_record(run, lambda record: record["spec"].update(training={}, options={"width": 4}))
    asked = RunRecord.read(run / "run.json").spec
    specs = {"/".join(run.parts[-3:]): asked.model_dump(mode="json", exclude={"tuned"})}
    values = {"training.learning_rate": 0.003, "options.width": 8}
    tuned = {
        name: {"value": value, "instead_of": asked.value_at(name), "from": "best.json"}
        for name, value in values.items()
    }
    made = asked.with_values({**values, "tuned": tuned}).model_dump(mode="json")
    edit_run_record(run, lambda record: record.update(spec=made))
    publish(tmp_path / "published", **arguments, specs=specs)
    assert records_of(tmp_path / "published")["/".join(asked.job)]["spec"]["options"]["width"] == 8

    made["options"]["depth"] = 2  # no grid search chose this
    edit_run_record(run, lambda record: record.update(spec=made))
    with pytest.raises(RecordError, match="made with other options than this study has"):
        publish(tmp_path / "published", **arguments, specs=specs)


def test_what_is_taken_out_leaves_nothing_behind(study, tmp_path):
    folder, _ = study
    alone = tree(folder)
    publish(folder, **main_study(tmp_path / "other", dataset="insteval"))
    assert "InstEval" in (folder / "tables" / "table2.md").read_text()
    unpublish(folder, ["insteval"])
    (folder / SUMS).unlink()
    assert tree(folder) == alone
    unpublish(folder, ["bookcrossing/ml_mmoe/paper"])
    assert "ML-MMoE" not in (folder / "tables" / "table2.md").read_text()
    assert verdicts(folder)["C1"]["verdict"] == "not measured"
    with pytest.raises(RecordError, match="dataset or run 'bookcrosing' .did you mean 'bookcross"):
        unpublish(folder, ["bookcrosing"])


@pytest.mark.usefixtures("undrawn")
def test_curves_are_kept_of_the_searches_that_are_drawn(tmp_path):
    arguments = main_study(tmp_path / "main")
    arguments["routes"] += [make_routes(tmp_path / "main", "bookcrossing", "depth_1")]
    arguments["run_folders"] += [
        make_run(tmp_path / "main", "mtnas", (0.7, 0.7), variant="depth_1", dataset="bookcrossing")
    ]
    for folder, layers in zip(arguments["run_folders"][-4:], (2, 2, 2, 1), strict=True):
        options = {"num_layers": layers, "num_subnets": 3}
        edit_run_record(folder, lambda record, o=options: record["spec"].update(options=o))
    run = "bookcrossing/mtnas/depth_1"
    arguments["plan"]["experiments"]["sweep"] = [run]
    arguments["plan"]["homes"][run] = "depth_1"
    deeper = {"title": "L = 1", "changes": {"num_layers": 1}, "place": 3}
    arguments["plan"]["variants"]["mtnas/depth_1"] = deeper
    folder = tmp_path / "published"
    publish(folder, **arguments)
    kept, bare = (
        json.loads((folder / f"routes/bookcrossing/mtnas/{v}.json").read_text())["seeds"]["0"]
        for v in ("paper", "depth_1")
    )
    assert kept["curve"]["reward"] == [1.23457, 2.0]
    assert not bare["curve"] and not kept["scores"] and not bare["scores"]
    assert (folder / "figures" / "figure7_layers.png").is_file()
    # The search belongs to no run any more.
    unpublish(folder, [run])
    assert not (folder / "routes/bookcrossing/mtnas/depth_1.json").exists()


def make_tuned(root, arguments, at):
    """Let a run of a study be tuned; return the folder of the grid search."""
    run = arguments["run_folders"][at]
    chosen = {"training.learning_rate": {"value": 0.003, "instead_of": 0.001, "from": "best.json"}}
    edit_run_record(run, lambda record: record["spec"].update(tuned=chosen, training={}))
    folder = root / "tuning" / Path(*run.parts[-3:])
    folder.mkdir(parents=True)
    (folder / "trials.csv").write_text("trial,seed\n1,0\n")
    (folder / "best.json").write_text('{"winner": {}}\n')
    return folder


@pytest.mark.usefixtures("undrawn")
def test_grid_searches_are_published_with_their_runs(study, tmp_path):
    folder, plain = study
    arguments = main_study(tmp_path / "tuned")
    tuning = [make_tuned(tmp_path / "tuned", arguments, at) for at in (1, 2)]
    publish(folder, **arguments, tuning=tuning)
    kept = sorted(str(p.relative_to(folder / "tuning")) for p in folder.glob("tuning/*/*/*/*"))
    assert kept == [
        f"bookcrossing/{method}/paper/{name}"
        for method in ("mmoe", "share_bottom")
        for name in ("best.json", "trials.csv")
    ]
    assert "| Share-Bottom ¶ |" in (folder / "tables" / "table2.md").read_text()
    filled = fill("<!-- generated: headline -->\n<!-- /generated -->", folder, "README.md")
    assert "| 0.7800 | 0.7800 ¶ | 0.7800 ¶ | 0.7800 |" in filled
    assert filled.endswith("validation (V8).\n<!-- /generated -->")
    publish(folder, **plain)  # not tuned
    assert not list(folder.glob("tuning/*/*/*/*"))
    assert "¶" not in (folder / "tables" / "table2.md").read_text()


def make_truth(path, spaces, gain=0.01):
    """Write an exhaustive table: full sharing loses `gain` against the rest."""
    frames, records = [], {}
    for space in spaces:
        lines = [
            {
                **{"space": space, "route": r, "seed": s, "same_as": r, "pattern": p, "edges": r},
                **{"describe": Route.at(SPACE, r).describe(), "dense_used": 9, "best_epoch": 1},
                "valid_loss": 1.0 + gain * (r == full_sharing(SPACE).index),
                "test_loss": 1.1 + (gain + s / 1e4) * (r == full_sharing(SPACE).index),
            }
            for r, p in enumerate(patterns(SPACE))
            for s in SEEDS
        ]
        frames.append(pd.DataFrame(lines))
        records[space] = exhaustive_record(path.stem, space, SPACE, SEEDS)
    path.parent.mkdir(parents=True, exist_ok=True)
    GroundTruth(pd.concat(frames, ignore_index=True), records).write(path)
    return path


@pytest.mark.usefixtures("undrawn")
def test_spaces_of_exhaustive_tables_are_merged_by_name(study, tmp_path):
    folder, _ = study

    def space_study(name, gain):
        plan = Plan(
            {"bookcrossing": Facts(2)}, judged={name: {"bookcrossing": [Judged(name, name, False)]}}
        )
        root = tmp_path / f"{name}{gain}"
        return {
            "plan": plan.to_json(),
            "command": COMMAND,
            "run_folders": [],
            "routes": [make_routes(root, "bookcrossing", name)],
            "manifests": [make_manifest(root, "bookcrossing")],
            "exhaustive": [make_truth(root / "bookcrossing.parquet", [name], gain)],
        }

    publish(folder, **space_study("small", 0.01))
    publish(folder, **space_study("large", 0.01))
    truth = read_ground_truth(folder / "exhaustive" / "bookcrossing.parquet")
    assert list(truth.records) == ["small", "large"]
    for name in (
        "tables/regret_small.md",
        "tables/regret_large.md",
        "figures/exhaustive_small.png",
    ):
        assert (folder / name).is_file()
    controls = [c for c in verdicts(folder)["C10"]["comparisons"] if c["role"] == "control"]
    assert controls == []  # measured data say nothing of unrelated tasks
    told = measured(folder).splitlines()[-1]
    seeds = len(SEEDS)
    assert told == (
        f"| Book-Crossing every route of small, large | {seeds} | not recorded | `{COMMAND}` |"
    )

    publish(folder, **space_study("small", 0.02))
    regret = ledger(folder, "regret_small")
    row = regret["row"].eq("full sharing") & regret["column"].eq("regret")
    assert regret[row]["value"].item() == pytest.approx(0.0201)


MIXED = {
    "a newer file": lambda folder: (folder / "data/bookcrossing.json").write_text("{}"),
    "an older order": lambda folder: (folder / "runs.json").write_text(
        json.dumps(dict(reversed(records_of(folder).items())))
    ),
    "a file too few": lambda folder: (folder / "data/bookcrossing.json").unlink(),
    "a file too many": lambda folder: (folder / "data/other.json").write_text("{}"),
    "other sums": lambda folder: change(folder / SUMS, lambda sums: sums["files"].popitem()),
}


@pytest.mark.parametrize("case", MIXED)
def test_files_that_were_not_published_together_are_refused(once, tmp_path, case):
    folder, arguments = tmp_path / "published", once[1]
    shutil.copytree(once[0], folder)
    MIXED[case](folder)
    before = tree(folder)
    for change_it in (
        rebuild,
        lambda folder: publish(folder, **arguments),
        lambda folder: unpublish(folder, ["bookcrossing"]),
    ):
        with pytest.raises(RecordError, match="json.*restore it with `git checkout") as error:
            change_it(folder)
        assert "published together" in str(error.value) or "was changed after" in str(error.value)
    assert tree(folder) == before
    assert any("published" in wrong for wrong in verify(folder).wrong)


@pytest.mark.parametrize("step", ["write_runs", "_publish_data", "prune", "rebuild"])
def test_a_publication_that_is_ended_changes_nothing(once, tmp_path, monkeypatch, step):
    def ended(*_):
        raise KeyboardInterrupt

    folder, arguments = tmp_path / "published", once[1]
    shutil.copytree(once[0], folder)
    before = tree(tmp_path)
    monkeypatch.setattr(publishing, step, ended)
    with pytest.raises(KeyboardInterrupt):
        publish(folder, **arguments)
    assert tree(tmp_path) == before


@pytest.mark.usefixtures("undrawn")
def test_audits_and_what_needs_torch_are_published_as_numbers(tmp_path):
    arguments = main_study(tmp_path / "main")
    check = {"method": "mmoe", "route": "t0: s1", "draws": 20, "test": "t"}
    measured = check | {"min_difference": 0.0, "max_difference": 1e-16}
    subgraphs = make_subgraphs(tmp_path / "subgraphs.json", [measured])
    publish(tmp_path / "published", **arguments, subgraphs=subgraphs)
    assert verdicts(tmp_path / "published")["C15"]["estimate"] == 1e-16
    rebuild(tmp_path / "published")
    assert verdicts(tmp_path / "published")["C15"]["estimate"] == 1e-16


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("inventory.json", b"{}", "inventory.json: lacks datasets"),
        (
            "inventory.json",
            b'{"datasets": {"a": 1}, "experiments": {}, "homes": {}, "judged": {}, "variants": {}}',
            "inventory.json: not an inventory",
        ),
        ("runs.json", b"{}", "bookcrossing/ml_mmoe/paper.* in only one of metrics.csv.gz and runs"),
        ("metrics.csv.gz", b"text", "metrics.csv.gz: not a compressed table"),
        (
            "metrics.csv.gz",
            gzip.compress(b"a,b\n1,2\n", mtime=0),
            "metrics.csv.gz: columns .'a', 'b'.",
        ),
    ],
)
def test_broken_published_files_are_named_with_the_remedy(study, name, content, message):
    folder, _ = study
    (folder / name).write_bytes(content)
    with pytest.raises(RecordError, match=f"{message}.*git checkout results/published"):
        rebuild(folder)


def test_a_number_that_is_none_is_refused(study):
    folder, _ = study
    text = gzip.decompress((folder / "metrics.csv.gz").read_bytes()).decode()
    wrong = text.replace("mmoe,paper,1,test,t0,auc,0.78\n", "mmoe,paper,1,test,t0,auc,\n")
    (folder / "metrics.csv.gz").write_bytes(gzip.compress(wrong.encode()))
    seal_metrics(folder, "mmoe")
    with pytest.raises(RecordError, match="published: what it restores is refused: .*is missing"):
        rebuild(folder)


@pytest.mark.usefixtures("undrawn")
def test_tasks_of_other_kinds_are_published_by_their_names(tmp_path):
    scores = ({"auc_likes": 0.78, "rmse_min_read": 5.0}, {"auc_likes": 0.79, "rmse_min_read": 4.0})
    tasks = (
        TaskSummary(name="likes", rule=""),
        TaskSummary(name="min_read", rule="", kind="regression", unit="minutes"),
    )
    folder, root = tmp_path / "published", tmp_path / "main"
    arguments = main_study(root, "library", scores=scores)
    told = {"tasks": tasks, "label_pcc": {}}
    publish(folder, **{**arguments, "manifests": [make_manifest(root, "library", **told)]})
    table = (folder / "tables" / "table2.md").read_text()
    assert "| library<br>AUC likes | library<br>RMSE min_read (minutes) |" in table
    filled = fill("<!-- generated: headline -->\n<!-- /generated -->", folder, "README.md")
    told = "| library: RMSE, min_read (minutes) | 5.0000 | 5.0000 | 5.0000 | 5.0000 | 4.0000 |"
    assert told in filled
    filled = fill("<!-- generated: answer -->\n<!-- /generated -->", folder, "README.md")
    assert "* library: use MTNAS. It is better than S" in filled
    found = verdicts(folder)["C1"]
    assert found["verdict"] == "not judged"
    assert found["datasets"]["library"]["verdict"] == "not judged: no AUC of min_read"
    filled = fill("<!-- generated: claims -->\n<!-- /generated -->", folder, "README.md")
    told = "library (beyond the paper): not judged: no AUC of min_read"
    assert f"{told} | applies to none of these datasets" in filled


def test_what_cannot_be_rebuilt_is_restored_and_no_run_of_the_user_is_deleted(study):
    folder, _ = study
    (routes,) = (folder / "routes").glob("*/*/*.json")
    damages = {
        "routes.json": (routes, b"{}"),
        "insteval.parquet": (folder / "exhaustive" / "insteval.parquet", b"none"),
        "manifest.json": (folder / "data" / "bookcrossing.json", b"[]"),
        "run.json": (folder / "runs.json", (folder / "runs.json").read_bytes()[:-3]),
    }
    for name, (path, content) in damages.items():
        path.parent.mkdir(exist_ok=True)
        whole = path.read_bytes() if path.is_file() else None
        path.write_bytes(content)
        with pytest.raises(RecordError, match="; restore it with `git checkout results/publi") as e:
            rebuild(folder)
        assert str(folder) in str(e.value), name
        assert "snakemake" not in str(e.value) and "delete" not in str(e.value)
        path.unlink()
        if whole is not None:
            path.write_bytes(whole)


def test_a_document_is_filled_from_the_published_numbers(study):
    folder, _ = study
    names = ("headline", "answer", "searched", "runtimes", "table2")
    text = "".join(f"<!-- generated: {n} -->\nold\n<!-- /generated -->\n" for n in names)
    filled = fill(text, folder, where="README.md")
    assert "\nold\n" not in filled
    assert "| Book-Crossing: AUC, t0 | 0.7800 | 0.7800 | 0.7800 | 0.7800 | 0.7900 |" in filled
    assert "* Yes: MTNAS, which searches, is measurably better than every simple" in filled
    assert "2 comparisons with random routes and full sharing, none favours the search" in filled
    assert "1.200 of 1.500 nats" in filled
    assert "the search is 2.0 epochs long" in filled
    assert "### Table 2. " in filled
    assert "| Book-Crossing, MTNAS | 3 | 12,345 | 42 | 12 | 1 |" in filled
    assert "| Book-Crossing, MTNAS (random routes) | 3 | 12,345 |  | 12 | 1 |" in filled
    assert fill(filled, folder, where="README.md") == filled


def test_the_cost_of_the_default_study_is_what_was_measured(tmp_path):
    measured = {"gigabytes": 2.2, "study_minutes": 12.6, "cores": 2, "git": {"commit": "f00dbabe"}}
    write_json(tmp_path / "setup.json", measured)
    text = told.cost(tmp_path)
    assert text.startswith("The default study (MovieLens and InstEval, 5 seeds) takes about 13 min")
    assert "on 2 cores, measured in a new clone at commit `f00dbab`" in text
    assert "about 2 GB" in text


def test_documents_tell_what_measured_and_show_all_that_there_is(study, tmp_path):
    folder, _ = study
    publish(folder, **figure1_study(tmp_path / "figure1"))
    shown = ("figure3", "search_curves", "figure1")
    names = ("measured", "further_tables", *(f"figure.{name}" for name in shown))
    text = "".join(f"<!-- generated: {n} -->\n<!-- /generated -->\n" for n in names)
    filled = fill(text, folder, where="docs/reproduction.md")
    assert f"| Book-Crossing 6 runs | 3 | abc | `{COMMAND}` |" in filled
    assert f"| Book-Crossing 2 runs | 20 | abc | `{COMMAND} config/figure1.yaml` |" in filled
    for name in shown:
        assert f"![{name}](../results/published/figures/{name}.png)" in filled
    assert "a dot for each common seed" in filled
    assert "* [Table 2. Test scores of every method" in filled
    assert "(../results/published/tables/table2.md)" in filled
    assert "`figure7` is not published yet" in fill(
        "<!-- generated: figure.figure7 -->\n<!-- /generated -->", folder, where="a.md"
    )


@pytest.mark.usefixtures("undrawn")
def test_a_dataset_without_the_whole_main_comparison_is_no_headline(tmp_path):
    folder = tmp_path / "published"
    publish(folder, **figure1_study(tmp_path / "figure1"))
    text = "".join(
        f"<!-- generated: {n} -->\n<!-- /generated -->\n"
        for n in ("headline", "searched", "runtimes")
    )
    filled = fill(text, folder, where="README.md")
    assert "Book-Crossing" not in filled
    assert not (folder / "tables" / "table2.md").exists()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["headline", "searched", "runtimes"])
def test_simulated_data_say_so_wherever_they_are_named(tmp_path, name):
    folder = tmp_path / "published"
    publish(folder, **main_study(tmp_path / "main", simulated=True))
    filled = fill(f"<!-- generated: {name} -->\n<!-- /generated -->", folder, where="README.md")
    assert "Book-Crossing (SIMULATED DATA)" in filled
    assert filled.count("Book-Crossing") == filled.count("SIMULATED DATA")
    assert "0.7907" not in filled  # the paper's number is of other data


@pytest.mark.parametrize(
    ("name", "block", "content"),
    [
        ("tables/table1.md", "table1", b"\xff"),
        ("tables/table3.md", "further_tables", None),
        ("figures/figure3.png", "figure.figure3", b"no picture"),
        ("answer.json", "answer", b"{}"),
        ("figures/answer.png", "chart", None),
        ("metrics.csv.gz", "headline", b"no table"),
        ("metrics.csv.gz", "headline", "not a number"),
    ],
)
def test_a_broken_part_of_what_documents_show_is_named_with_the_remedy(
    study, monkeypatch, name, block, content
):
    folder, _ = study
    if content is None and name.endswith("png"):
        (folder / name).unlink()
    elif content is None:
        monkeypatch.setattr("mtnas.report.published.blocks._named", lambda *_: ["table3"])
    elif content == "not a number":
        text = gzip.decompress((folder / name).read_bytes()).decode()
        (folder / name).write_bytes(gzip.compress(text.replace("0.78", "0.7x", 1).encode()))
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(RecordError, match=f"{name}: .*git checkout results/published") as caught:
        fill(f"<!-- generated: {block} -->\n<!-- /generated -->", folder, where="README.md")
    assert "\n" not in str(caught.value)


def test_commands_work_on_their_repository_from_any_folder(study, tmp_path, monkeypatch, capsys):
    folder, _ = study
    root = tmp_path / "checkout"
    (root / "docs").mkdir(parents=True)
    for path in (root / "README.md", root / "docs" / "more.md"):
        path.write_text("<!-- generated: table1 -->\n<!-- /generated -->\n")
    (root / "results").mkdir()
    shutil.copytree(folder, root / "results" / "published")
    monkeypatch.setattr("mtnas.runtime.provenance.REPOSITORY", root)
    monkeypatch.chdir(tmp_path)
    assert main(["readme"]) == 0
    written = ("docs/command-line.md", "README.md", "docs/more.md")
    assert capsys.readouterr().out.split() == [f"{root}/{name}" for name in written]
    assert "### Table 1" in (root / "docs" / "more.md").read_text()
    assert main(["unpublish", "bookcrossing/ml_mmoe/paper"]) == 0
    assert "bookcrossing/ml_mmoe/paper" not in records_of(root / "results" / "published")


def test_an_unknown_block_is_refused(study):
    text = "<!-- generated: tabel2 -->\n<!-- /generated -->"
    with pytest.raises(RecordError, match="did you mean 'table2'"):
        fill(text, study[0], where="README.md")


def test_readme_and_docs_show_the_published_numbers(tmp_path):
    documents = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    copies = [tmp_path / path.name for path in documents]
    for source, copy in zip(documents, copies, strict=True):
        copy.write_text(source.read_text())
    stale = refresh(copies, REPOSITORY / "results" / "published")
    assert not stale, "numbers differ from results/published: run `make readme`"


def test_verdicts_are_written_into_documents(study):
    folder, _ = study
    text = fill("<!-- generated: claims -->\n<!-- /generated -->", folder, "doc.md")
    assert "| C1 | MTNAS has the highest AUC" in text
    assert "**replicated** on 1 of 3 | Book-Crossing: replicated" in text
    assert "**not measured**" in text
    (folder / "claims/claims.json").unlink()
    with pytest.raises(RecordError, match="git checkout results/published"):
        fill(text, folder, "doc.md")


def close(found, wanted):
    """Compare JSON data: numbers nearly, all else exactly."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted.keys() - {"bootstrap"}:  # resampling breaks ties by the last digit
            close(found[key], wanted[key])
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for pair in zip(found, wanted, strict=True):
            close(*pair)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-12)
    else:
        assert found == wanted


@pytest.mark.slow
def test_the_published_tables_and_claims_are_those_of_the_published_numbers(tmp_path):
    committed, folder = REPOSITORY / "results" / "published", tmp_path / "published"
    shutil.copytree(committed, folder)
    rebuild(folder)
    not_kept = {"report.html"}
    assert tree(folder).keys() - not_kept == tree(committed).keys() - not_kept
    drawn = {path.stem: path for path in folder.glob("figures/*.csv")}
    assert {"figure1", "figure3", "figure7", "exhaustive_l1h3"} <= drawn.keys()
    for name, planned in exhibits.planned(read_plan(folder)).items():
        if name in drawn:  # what is written is what is drawn, and all of it
            again = exhibits.load(planned.file).draw(pd.read_csv(drawn[name]))
            save_figure(again[0], [tmp_path / "again.png"], again[1])
            assert (tmp_path / "again.png").read_bytes() == drawn[name].with_suffix(
                ".png"
            ).read_bytes(), name
    for path in sorted(committed.glob("tables/*")):
        again = folder / "tables" / path.name
        if path.suffix == ".csv":
            pd.testing.assert_frame_equal(pd.read_csv(again), pd.read_csv(path), rtol=1e-9)
        else:
            assert again.read_text() == path.read_text(), path.name
    assert (folder / "claims/claims.md").read_text() == (committed / "claims/claims.md").read_text()
    close(*(json.loads((f / "claims/claims.json").read_text()) for f in (folder, committed)))
