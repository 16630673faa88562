"""What test predictions are asked: calibration and AUC within groups, from runs to exhibits."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mtnas.config.load import load
from mtnas.data.prepare.manifest import FieldSummary
from mtnas.evidence.records import read_run
from mtnas.report import exhibits
from mtnas.report.exhibits.base import Needs
from mtnas.report.render.style import save_figure
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.runtime.files import read_json
from mtnas.study.plan import Plan, plan_of
from tests.helpers.mixed import MIXED, mixed_table
from tests.helpers.runs import make_run, run_record, write_run_record

SEEDS = (0, 1)
CLASSES = MIXED[1].classes
RUNS = (("mixed", "mmoe", "paper"), ("mixed", "single_task", "paper"))


@pytest.fixture
def needs(tmp_path, monkeypatch):
    """Runs with predictions, and the table that they read, below the current folder."""
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "results/data/mixed"
    hashed = {"kind": "id", "help": "", "distinct_values": 23, "distinct_ids": 20}
    fields = tuple(FieldSummary(name=f"f{i}", **hashed) for i in range(4))
    mixed_table(data, dataset="mixed", title="Mixed", fields=fields)
    (data / "table.json").rename(data / "manifest.json")
    for number, (dataset, method, variant) in enumerate(RUNS):
        folder = make_run(tmp_path / "results/runs", method, [0.7], dataset=dataset, seeds=SEEDS)
        predicted(data, number).to_parquet(folder / "predictions.parquet")
        seal(folder, (dataset, method, variant), data)
    return Needs(
        runs=RUNS, manifests=("mixed",), tables=("mixed",), of_rows=True,
        facts={"fields": {"mixed": "f0"}}, titles={"mmoe": "MMoE", "single_task": "Single"},
    )  # fmt: skip


def seal(folder, key, data):
    """Write run.json for the files that lie there."""
    from mtnas.evidence.records import RunRecord

    told = run_record(*key, seeds=SEEDS)
    told["data"]["content_sha256"] = read_json(data / "manifest.json")["content_sha256"]
    path = folder / "run.json"
    files = [folder / "metrics.csv", folder / "predictions.parquet"]
    RunRecord.of(told, path).write(path, files)


def predicted(data, number):
    """Return predictions of the test rows, the same rows for both seeds."""
    table = pd.read_parquet(data / "table.parquet").query("split == 2")
    rng, frames = np.random.default_rng(number), []
    for seed in SEEDS:
        click, mood = table["does_click"], table["mood"]
        p = 1 / (1 + np.exp(-(click.fillna(0.5) - 0.5) - rng.normal(size=len(table))))
        p_NC = rng.dirichlet(np.ones(3), len(table))
        names = [None if np.isnan(m) else CLASSES[int(m)] for m in mood]
        columns = {
            "seed": seed, "row": table.index, "y_does_click": click.astype("Int8").array,
            "p_does_click": p.array, "y_mood": names,
            **{f"p_mood_{name}": p_NC[:, c] for c, name in enumerate(CLASSES)},
            "y_minutes": table["minutes"].array, "p_minutes": 1.0,
        }  # fmt: skip
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def test_grouped_auc_is_that_of_the_rows_with_one_value_of_the_field(needs):
    table = exhibits.load("grouped_auc").read(needs)
    (block,) = table.blocks
    assert [row.label for row in block.rows] == ["MMoE (2 seeds)", "Single (2 seeds)"]
    assert [column.label for column in block.columns] == [
        "AUC does_click, within f0",
        "AUC does_click, overall",
    ]
    field = pd.read_parquet("results/data/mixed/table.parquet")["f0"]
    frame = pd.read_parquet("results/runs/mixed/mmoe/paper/predictions.parquet").dropna(
        subset=["y_does_click"]
    )
    within, overall = [], []
    for _, own in frame.groupby("seed"):
        overall.append(roc_auc_score(own.y_does_click.astype(int), own.p_does_click))
        aucs = {
            value: (roc_auc_score(g.y_does_click.astype(int), g.p_does_click), len(g))
            for value, g in own.groupby(field.loc[own["row"]].to_numpy())
            if g.y_does_click.nunique() == 2
        }
        within.append(
            np.average([a for a, _ in aucs.values()], weights=[n for _, n in aucs.values()])
        )
    first, second = block.rows[0].cells
    assert first.value == pytest.approx(np.mean(within), abs=1e-12)
    assert first.spread == pytest.approx(np.std(within, ddof=1), abs=1e-12)
    assert second.value == pytest.approx(np.mean(overall), abs=1e-12)
    assert first.source.metric == "grouped_auc"
    groups = field.loc[frame["row"]].nunique()
    assert f"a test split has {len(aucs)} groups by f0 that count" in table.notes[1]
    assert f"{groups - len(aucs)} groups (" in table.notes[1]
    assert "3 values of f0 have the id of another value of it" in table.notes[2]


def test_calibration_has_a_curve_of_every_run_task_and_seed(needs, tmp_path):
    exhibit = exhibits.load("calibration")
    frame = exhibit.data(exhibit.read(needs))
    found = frame.groupby(["method", "task", "seed"]).rows.sum()
    assert set(frame["task"]) == {"does_click", "mood"}  # minutes are no probability
    own = pd.read_parquet("results/runs/mixed/mmoe/paper/predictions.parquet")
    own = own[(own["seed"] == 0) & own["y_mood"].notna()]
    assert found["mmoe", "mood", 0] == len(own)
    p = own[[f"p_mood_{name}" for name in CLASSES]]
    right = own["y_mood"] == p.idxmax(axis=1).str.removeprefix("p_mood_")
    curve = frame.query("method == 'mmoe' and task == 'mood' and seed == 0")
    assert (curve.observed * curve["rows"]).sum() == pytest.approx(right.sum())
    assert (curve.predicted * curve["rows"]).sum() == pytest.approx(p.max(axis=1).sum())
    gap = (curve.predicted - curve.observed).abs() * curve["rows"]
    assert curve.calibration_error.iloc[0] == pytest.approx(gap.sum() / len(own))

    figure, text = exhibit.draw(frame)
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]  # two runs and the diagonal
    errors = frame.query("method == 'mmoe' and task == 'does_click'").drop_duplicates("seed")
    mean, spread = errors.calibration_error.mean(), errors.calibration_error.std()
    labels = [entry.get_text() for entry in figure.axes[0].get_legend().get_texts()]
    assert labels[0] == f"MMoE  {mean:.3f} ± {spread:.3f}"
    save_figure(figure, [tmp_path / "calibration.png"], text)


def test_curves_are_averaged_over_seeds_bin_by_bin_where_some_are_empty(needs):
    exhibit = exhibits.load("calibration")
    path = read_run("results/runs/mixed/mmoe/paper").folder / "predictions.parquet"
    table = pd.read_parquet(path)
    own = table["seed"] == 0
    tied = table.loc[own, "p_does_click"].rank(pct=True) < 0.5  # they share a bin: others are empty
    table.loc[tied[tied].index, "p_does_click"] = 0.01
    table.to_parquet(path)
    seal(path.parent, RUNS[0], path.parents[4] / "data/mixed")
    frame = exhibit.data(exhibit.read(needs)).query("method == 'mmoe' and task == 'does_click'")
    bins = {seed: set(of["bin"]) for seed, of in frame.groupby("seed")}
    assert bins[0] < bins[1] == set(range(15)) and 14 in bins[0]
    both = frame[frame["bin"] == 14].predicted.mean()
    curve = exhibit.draw(frame)[0].axes[0].lines[0].get_xdata()
    assert curve[-1] == pytest.approx(both)


def test_predictions_of_another_table_or_changed_ones_are_refused(needs):
    exhibit = exhibits.load("grouped_auc")
    path = read_run("results/runs/mixed/mmoe/paper").folder / "predictions.parquet"
    frame = pd.read_parquet(path)
    frame.loc[0, "p_does_click"] = 0.5
    frame.to_parquet(path)
    with pytest.raises(RecordError, match=r"predictions.parquet: was changed after it was written"):
        exhibit.read(needs)
    folder = path.parent
    path.unlink()
    write_run_record(folder, run_record(*RUNS[0], seeds=SEEDS))
    with pytest.raises(
        RecordError, match="it read another table than results/data/mixed now holds"
    ):
        exhibit.read(needs)


def study(**keys):
    main = {"main": {"methods": ["mmoe", "single_task"]}}
    return load({"datasets": ["insteval"], "experiments": main, **keys})


def test_they_are_asked_for_in_the_configuration_and_not_published():
    asked = plan_of(study(calibration=["insteval"], grouped_auc={"insteval": "student"}))
    plain = plan_of(study())
    more = exhibits.planned(asked).keys() - exhibits.planned(plain).keys()
    assert more == {"calibration", "grouped_auc"}
    found = exhibits.planned(asked)["grouped_auc"].needs
    assert "results/runs/insteval/mmoe/paper/predictions.parquet" in found.files
    assert "results/data/insteval/table.parquet" in found.files
    assert Plan.from_json(asked.to_json()) == plain


REFUSED = {
    "another dataset": ({"calibration": ["movielens"]}, "unknown dataset with runs 'movielens'"),
    "no such field": ({"grouped_auc": {"insteval": "user"}}, "unknown field 'user'"),
    "no such dataset": ({"grouped_auc": {"x": "y"}}, "unknown dataset with runs 'x'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused(case):
    keys, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message):
        study(**keys)
