"""Simulated studies: what they write, and the facts that their data were planted to show."""

import itertools
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from mtnas.config.simulated import known_simulated_studies
from mtnas.evidence.simulated_record import FIRST, LAST, SimulatedStudyRecord, read
from mtnas.experiments.simulated import base, capacity_linear, covariance, demonstration
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, RecordError, TrainingError
from mtnas.study.specs import SimulatedStudySpec

SMALL = {
    "demonstration": {"rows": 20, "angles": [30], "flips": [0.1]},
    "covariance": {"dim": 20, "source_rows": [15, 30], "overlaps": [0.0, 1.0]},
    "capacity_linear": {"rows": [25], "ranks": [1, 2, 5]},
    "reweighting_linear": {"rows": 60, "dim": 10},
}
STUDIES = pytest.mark.parametrize("name", plugins.names("experiments.simulated"))


def spec(name, seeds=(0, 1), **options):
    return SimulatedStudySpec(study=name, seeds=seeds, options={**SMALL[name], **options})


def results(name, seeds, **options):
    return base.run(SimulatedStudySpec(study=name, seeds=seeds, options=options))


def values(frame, metric, **setting):
    """Return the values of a metric in one setting, by seed."""
    rows = frame[frame.metric == metric]
    for column, value in setting.items():
        rows = rows[rows[column] == value]
    assert not rows.seed.duplicated().any()
    return rows.set_index("seed").value


@pytest.fixture(scope="module")
def small():
    return {name: base.run(spec(name)) for name in SMALL}


@STUDIES
def test_every_line_is_simulated_tidy_and_of_one_setting(small, name):
    frame = small[name]
    module = plugins.load(base.simulated, name, kind="simulated study")
    settings = list(module.SETTINGS)
    assert list(frame.columns) == [*FIRST, *settings, *LAST]
    assert frame.simulated.eq(True).all()
    assert frame.study.eq(name).all()
    assert set(frame.seed) == {0, 1}
    assert set(frame.metric) == set(module.METRICS)
    assert np.isfinite(frame.value).all()
    assert not frame.duplicated([*FIRST, *settings, "metric"]).any()
    assert frame[settings].notna().any().all()  # no column without use


@STUDIES
def test_a_seed_is_the_same_alone_and_among_others(small, name):
    alone = base.run(spec(name, seeds=(1,)))
    among = small[name][small[name].seed == 1]
    assert len(among) <= len(alone)  # what is shown is of the first seed
    alone = alone[~alone.metric.isin(["x1", "x2", "label"])]
    alone = alone[~alone.metric.str.contains("truth|learned")]
    pd.testing.assert_frame_equal(
        alone.reset_index(drop=True), among.reset_index(drop=True), check_exact=True
    )


@STUDIES
def test_seeds_differ(small, name):
    shown = ["x1", "x2", "label", "truth1", "truth2", "learned1", "learned2"]
    drawn = small[name][~small[name].metric.isin(shown)]
    first, second = (drawn[drawn.seed == seed].value.to_numpy() for seed in (0, 1))
    assert np.abs(first - second).max() > 1e-3


def written(folder, name="capacity_linear"):
    base.write(spec(name), folder / "results.csv", folder / "record.json", "0123")
    return folder


@STUDIES
def test_what_was_written_is_read_again(small, tmp_path, name):
    record, found = read(written(tmp_path, name))
    pd.testing.assert_frame_equal(found, small[name], check_dtype=False, check_exact=True)
    assert (record.study, record.seeds, record.code) == (name, (0, 1), "0123")
    assert record.simulated is True
    options = known_simulated_studies()[name].of(SMALL[name])
    assert record.options == options.model_dump(mode="json")
    assert {*record.settings} == {*found.columns} - {*FIRST, *LAST}


def test_the_same_spec_writes_the_same_bytes(tmp_path):
    texts = [(written(tmp_path / n) / "results.csv").read_bytes() for n in "ab"]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("results.csv", "shared", "shaved"), ("record.json", '"seeds"', '"seads"')],
)
def test_changed_files_are_refused(tmp_path, file, old, new):
    path = written(tmp_path) / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(RecordError, match="changed after it was written"):
        read(tmp_path)


def test_a_record_of_other_columns_is_refused(tmp_path):
    record, _ = read(written(tmp_path))
    other = record.model_copy(update={"settings": {"size": "rows"}})
    other.write(tmp_path / "record.json", [tmp_path / "results.csv"])
    with pytest.raises(RecordError, match="columns or rows"):
        read(tmp_path)


def test_a_missing_study_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(RecordError, match=r"record.json: missing; run `.*snakemake"):
        read(tmp_path)
    with pytest.raises(ConfigError, match="did you mean 'covariance'"):
        base.run(SimulatedStudySpec(study="covarience", seeds=(0,), options={}))
    with pytest.raises(ConfigError, match="options.covariance: unknown key 'dims'"):
        base.run(SimulatedStudySpec(study="covariance", seeds=(0,), options={"dims": 20}))


def test_a_value_that_is_not_finite_is_refused(monkeypatch):
    rows = [{"rows": 25, "model": "single", "metric": "excess_risk", "value": float("nan")}]
    monkeypatch.setattr(capacity_linear, "unit", lambda options, seed: rows)
    with pytest.raises(TrainingError, match=r"capacity_linear: seed 3: .* not finite"):
        base.run(spec("capacity_linear", seeds=(3,)))


def test_a_record_says_that_it_is_simulated(tmp_path):
    record, _ = read(written(tmp_path))
    with pytest.raises(ValueError, match="simulated"):
        SimulatedStudyRecord.model_validate({**record.to_json(), "simulated": False})


# -- what the data were planted to show -------------------------------------------------


@pytest.fixture(scope="module")
def shown():
    return results("demonstration", range(12), angles=[30.0], flips=[0.0, 0.1])


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("flips", [0.0, 0.1])
def test_a_source_with_data_between_the_boundaries_harms_and_one_without_does_not(
    shown, loss, flips
):
    setting = {"loss": loss, "flips": flips, "angle": 30.0}
    with_2, with_3 = (values(shown, "gain", partner=p, **setting) for p in ("task_2", "task_3"))
    assert with_3.mean() < -0.05
    assert (with_3 < 0).mean() > 0.8
    assert abs(with_2.mean()) < 0.04
    alone = values(shown, "accuracy", partner="none", **setting)
    together = values(shown, "accuracy", partner="task_3", **setting)
    pd.testing.assert_series_equal(together - alone, with_3)


def test_points_of_the_first_seed_lie_as_planted(shown):
    points = shown[shown.metric.isin(["x1", "x2", "label"])]
    assert set(points.seed) == {0}
    wide = points.pivot_table(index=["task", "point"], columns="metric", values="value")
    assert len(wide) == 3 * 50
    truths = shown[shown.metric.isin(["truth1", "truth2"])]
    truth = truths.pivot_table(index="task", columns="metric", values="value")
    x, own = wide[["x1", "x2"]].to_numpy(), wide.index.get_level_values("task")
    planted = truth.loc[own].to_numpy()
    np.testing.assert_array_equal(wide.label, np.where((x * planted).sum(1) >= 0, 1, -1))
    learned = shown[shown.metric.isin(["learned1", "learned2"])]
    normals = learned.pivot_table(index=["loss", "partner"], columns="metric", values="value")
    assert len(normals) == 2 * 3
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    for (loss, partner), (cosine, _) in zip(normals.index, normals.to_numpy(), strict=True):
        told = values(shown, "accuracy", loss=loss, partner=partner, flips=0.0)[0]
        assert told == pytest.approx(1 - np.arccos(cosine) / np.pi, abs=1e-7)


def test_the_logistic_solution_is_the_lowest_in_a_scan_of_directions():
    options = demonstration.Options()
    planted = demonstration._draw(options, 1, 45.0, 0.25)
    tasks, ridge = [planted.tasks[k] for k in (0, 2)], 1e-3
    found = demonstration._learn(planted, (2,), "logistic", ridge)

    def fit(angle):
        begin = np.array([np.cos(angle), np.sin(angle)])
        return demonstration._logistic(tasks, begin, ridge)

    scanned = [fit(angle) for angle in np.linspace(0, np.pi, 24, endpoint=False)]
    best = min(scanned, key=lambda fit: fit[0])[1]
    np.testing.assert_allclose(found, best, rtol=1e-3)


@pytest.fixture(scope="module")
def sources():
    conditions = [
        {"target_rows": 20, "kappa": 100, "noise": 1},
        {"target_rows": 40, "kappa": 100, "noise": 0},
    ]
    return results(
        "covariance",
        range(4),
        conditions=conditions,
        source_rows=[30, 800],
        overlaps=[0.0, 1.0],
        starts=0,
    )


def test_with_noise_the_aligned_source_helps_and_without_it_harms(sources):
    size = {"part": "size", "source_rows": 800, "kappa": 100}
    noisy = values(sources, "gap", source="aligned", noise=1, **size)
    clean = values(sources, "gap", source="aligned", noise=0, **size)
    assert (noisy < 0).all()
    assert (clean > 0).all()
    for other in ("other_directions", "rotated"):
        assert values(sources, "gap", source=other, noise=1, **size).median() > noisy.median()
        assert values(sources, "gap", source=other, noise=0, **size).median() < 0


def test_risks_and_similarities_fit_together(sources):
    size = {"part": "size", "source_rows": 800, "kappa": 100, "noise": 1, "source": "rotated"}
    joint, gap = values(sources, "joint_risk", **size), values(sources, "gap", **size)
    alone = values(sources, "single_risk", part="size", noise=1)
    np.testing.assert_allclose(joint - alone, gap, atol=1e-9)
    overlap = {"part": "overlap", "source_rows": 800}
    planted = [values(sources, "planted_similarity", overlap=o, **overlap) for o in (0.0, 1.0)]
    np.testing.assert_allclose(planted[1], 1)
    assert (planted[0] < 0.01).all()
    drawn = [values(sources, "normalised_similarity", overlap=o, **overlap) for o in (0.0, 1.0)]
    assert (drawn[0] < drawn[1]).all()
    gaps = [values(sources, "gap", overlap=o, **overlap).median() for o in (0.0, 1.0)]
    assert gaps[1] < gaps[0]


def test_equal_eigenvalues_leave_the_planted_similarity_to_no_chance():
    conditions = [{"target_rows": 20, "kappa": 10, "noise": 1}]
    drawn = results(
        "covariance", range(3), conditions=conditions, source_rows=[30], overlaps=[0.0], starts=0
    )
    found = values(drawn, "planted_similarity", source="other_directions", part="size")
    assert len(found) == 3
    np.testing.assert_allclose(found, found.iloc[0], rtol=1e-9)


def test_a_source_is_the_beginning_of_a_larger_one():
    options = covariance.Options(source_rows=(30, 60))
    less = covariance.Options(source_rows=(60, 30))
    condition = options.conditions[0]
    first, second = (covariance._draw(o, condition, 0).tasks[1].x_ND for o in (options, less))
    np.testing.assert_array_equal(first, second)


@pytest.fixture(scope="module")
def capacity():
    return results("capacity_linear", range(4), rows=[40, 200], ranks=[1, 2, 3, 5, 7])


def test_the_planted_capacity_is_best_and_from_k_on_nothing_is_shared(capacity):
    for rows in (40, 200):
        alone = values(capacity, "excess_risk", rows=rows, model="single").mean()
        risk = {
            rank: values(capacity, "excess_risk", rows=rows, rank=rank).mean()
            for rank in (1, 2, 3, 5, 7)
        }
        assert min(risk, key=risk.get) == 2
        assert risk[5] == pytest.approx(alone, rel=1e-9)
        for rank in (5, 7):
            distance = values(capacity, "distance_from_single", rows=rows, rank=rank)
            assert (distance < 1e-10).all()
    assert values(capacity, "excess_risk", rows=200, rank=1).mean() > alone


@pytest.fixture(scope="module")
def weighed():
    return results("reweighting_linear", range(6))


def test_more_weight_on_the_clean_task_turns_the_shared_direction_to_the_truth(weighed):
    ratios = sorted(weighed.ratio.dropna().unique())
    for noise in (1.0, 3.0):
        cosine = [
            values(weighed, "cosine", part="ratio", ratio=r, noise=noise).mean() for r in ratios
        ]
        assert all(low < high for low, high in itertools.pairwise(cosine))
        assert cosine[-1] > 0.999


def test_weights_fall_with_noise_if_standardised_and_rise_with_additive_noise_if_literal(weighed):
    def ratio(part, coding, noise):
        return values(weighed, "noisy_to_clean", part=part, coding=coding, noise=noise, rank=1)

    assert (ratio("additive", "standardised", 3.0) < 0.5).all()
    assert ratio("additive", "literal", 3.0).mean() > 1
    for coding in ("literal", "standardised"):
        np.testing.assert_allclose(ratio("relabelled", coding, 0.0), 1)
        falling = [ratio("relabelled", coding, share).mean() for share in (0.0, 0.2, 0.4, 0.8)]
        assert falling == sorted(falling, reverse=True)
        assert falling[2] == pytest.approx(0.61, abs=0.06)
    cosine = {
        coding: values(
            weighed[weighed.coding.eq("equal") | weighed["rank"].eq(1)],
            "cosine",
            part="additive",
            coding=coding,
            noise=3.0,
        ).mean()
        for coding in ("equal", "literal", "standardised")
    }
    assert cosine["literal"] < cosine["equal"] < cosine["standardised"]


def test_literal_weights_follow_base_rates(weighed):
    def weight(coding, rate):
        setting = {"part": "base_rates", "coding": coding, "base_rate": rate, "rank": 1}
        return values(weighed, "weight", **setting).mean()

    assert weight("literal", 0.49) > 2.5 * weight("literal", 0.13)
    assert weight("standardised", 0.49) < 1.5 * weight("standardised", 0.13)


@STUDIES
def test_a_study_describes_what_it_writes(name):
    module = plugins.load(base.simulated, name, kind="simulated study")
    assert isinstance(module, ModuleType)
    assert module.TITLE
    assert "Wu, Zhang, Ré (ICLR 2020)" in module.__doc__
    assert all({**module.SETTINGS, **module.METRICS}.values())
