"""Every route of a small space trained: once each, as if alone, and through a crash."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.splits import assign_split, split_sizes
from mtnas.data.prepare.store import Inputs, Table
from mtnas.evidence import exhaustive_table
from mtnas.evidence.exhaustive_table import GroundTruth, concatenate, read_ground_truth
from mtnas.experiments import assembly, every_route, job, train
from mtnas.experiments.every_route import train_every_route
from mtnas.experiments.job import Job
from mtnas.routes.named import full_sharing
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import ConfigError, RecordError
from tests.helpers.routes import write_routes
from tests.helpers.specs import spec_of
from tests.helpers.synthetic import examples
from tests.helpers.tables import make_manifest

SPACE = SearchSpace(num_layers=1, num_subnets=2, num_tasks=2)  # 81 routes, 25 functions
NETWORK = {"num_layers": 1, "num_subnets": 2, "hidden_dim": 4, "query_scope": "all_below"}
TRAINING = TrainingOptions(
    epochs=2, patience=1, batch_size=64, embedding_dim=3, dtype="float64", learning_rate=0.01
)
SEEDS = [5, 2]


def spec(**changes):
    names = {"dataset": "insteval", "method": "mtnas", "space": "tiny", "seeds": SEEDS}
    training = TRAINING.model_dump(mode="json")
    rest = {"fixed_split": False, "options": NETWORK, "training": training, "budget": None}
    return spec_of(**{**names, **rest, **changes})


@pytest.fixture(autouse=True)
def small_data(monkeypatch):
    """Let every job find the same 300 examples, whatever files it is given."""
    data, method = examples(300), methods.load("mtnas")
    sizes = split_sizes(300, [0.6, 0.2, 0.2])
    manifest = make_manifest(
        split_sizes=dict(zip(("train", "valid", "test"), sizes, strict=True)), simulated=True
    )
    split = assign_split(300, sizes, 0)
    inputs = Inputs(data.inputs.layout, data.inputs.ids.numpy())
    table = Table(inputs, data.labels.numpy(), split, None, manifest)

    def assemble(spec, **_):
        options = method.options(**spec.options)
        return assembly.Assembly(spec, table, data, method, options, spec.trained)

    monkeypatch.setattr(job, "assemble", assemble)


def trained(folder, name="tiny", **options):
    path = folder / f"{name}.parquet"
    changes = options.pop("changes", {})
    kept = folder / ".unfinished"
    given = Job(table="t", manifest="m", journal=kept, **options)
    train_every_route(spec(**changes), given).write(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exhaustive")


@pytest.fixture
def whole(folder):
    """The ground truth of the tiny space, trained in one go, the first time it is asked for."""
    path = folder / "tiny.parquet"
    return path if path.exists() else trained(folder, at_once=50, code="abc")


def test_every_route_is_there_once_for_every_seed(whole):
    truth = read_ground_truth(whole)
    frame = truth.frame
    assert len(frame) == SPACE.num_routes * len(SEEDS) == 162
    assert not frame.duplicated(["route", "seed"]).any()
    assert frame.groupby("seed")["same_as"].nunique().eq(25).all()
    assert truth.space("tiny") == SPACE
    assert truth.records["tiny"].code == "abc"
    assert truth.records["tiny"].simulated
    for line in frame[frame["seed"] == 2].itertuples():
        route = Route.at(SPACE, line.route)
        assert (line.describe, line.edges) == (route.describe(), len(route.edges))
        assert route.canonical().index == line.same_as


def test_routes_that_compute_the_same_share_their_numbers(whole):
    frame = read_ground_truth(whole).frame.drop(columns=["route"])
    assert len(frame.drop_duplicates()) == 25 * len(SEEDS)


@pytest.mark.parametrize("index", [0, 8, 41, full_sharing(SPACE).index])
def test_a_line_is_what_training_that_route_alone_gives(whole, tmp_path, index):
    """Also for a route that is not its own representative: equal, not similar."""
    route = Route.at(SPACE, index)
    routes = write_routes(tmp_path / "routes.json", dict.fromkeys(SEEDS, route))
    values = spec().model_dump(mode="json", exclude={"space", "synthetic"})
    alone = spec_of(**values, variant="paper", derive="retrain")
    result = train.train(alone, Job(table="t", manifest="m", at_once=1), routes=routes)
    scores = result.metrics.set_index(["seed", "split", "task", "metric"])["value"]
    lines = read_ground_truth(whole).frame.query("route == @index").set_index("seed")
    for seed in SEEDS:
        line = lines.loc[seed]
        for part in ("valid", "test"):
            assert line[f"{part}_loss"] == pytest.approx(
                scores[seed, part, "all", "mtl_loss"], abs=1e-12
            )
            for task in ("t0", "t1"):
                assert line[f"{part}_auc_{task}"] == scores[seed, part, task, "auc"]
    best = {fit.seed: fit.best_epoch for fit in result.record.fits}
    assert lines["best_epoch"].to_dict() == best


def test_how_many_models_train_at_once_changes_no_number(whole, tmp_path):
    frames = [read_ground_truth(p).frame for p in (whole, trained(tmp_path, at_once=7))]
    pd.testing.assert_frame_equal(*frames, rtol=0, atol=1e-12)


def test_a_killed_job_goes_on_where_it_stopped(whole, tmp_path, monkeypatch):
    train_group, sizes = every_route._trained, []

    def killed_in_the_third(assembly, group, checkpoint):
        sizes.append(len(group))
        if len(sizes) == 3:
            raise KeyboardInterrupt
        return train_group(assembly, group, checkpoint)

    monkeypatch.setattr(every_route, "_trained", killed_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, at_once=20, code="abc")
    assert not (tmp_path / "tiny.parquet").exists()
    path = trained(tmp_path, at_once=6, code="abc")
    assert sizes[:3] == [20, 20, 10]
    assert sizes[3:] == [6, 4]  # groups of another size: speed only
    pd.testing.assert_frame_equal(
        read_ground_truth(path).frame, read_ground_truth(whole).frame, rtol=0, atol=1e-12
    )
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.parquet"]


def test_a_space_too_large_to_train_is_refused(tmp_path):
    wide = {**NETWORK, "num_layers": 2, "num_subnets": 4}
    with pytest.raises(ConfigError, match=r"has 576,650,390,625.* query_scope: root"):
        trained(tmp_path, changes={"options": {**wide, "query_scope": "all_below"}})


def damaged(truth, what):
    frame, records = truth.frame.copy(), truth.records
    if what == "a route missing":
        frame = frame[frame["route"] != 3]
    elif what == "a seed twice":
        frame.loc[0, "seed"] = frame.loc[1, "seed"]
    elif what == "not a number":
        frame.loc[5, "test_loss"] = np.nan
    elif what == "a column missing":
        frame = frame.drop(columns=["valid_loss"])
    else:
        records = {"other": records["tiny"]}
    return GroundTruth(frame, records)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("a route missing", "160 lines, 160 of them different, expected 162"),
        ("a seed twice", "162 lines, 161 of them different"),
        ("not a number", "not a finite number"),
        ("a column missing", "no column valid_loss"),
        ("another space", r"spaces \['tiny'\], records of \['other'\]"),
    ],
)
def test_an_incomplete_table_is_neither_written_nor_read(
    whole, tmp_path, monkeypatch, what, message
):
    path, broken = tmp_path / "b.parquet", damaged(read_ground_truth(whole), what)
    with pytest.raises(RecordError, match=message):
        broken.write(path)
    assert not path.exists()
    with monkeypatch.context() as patched:
        patched.setattr(exhaustive_table, "check", lambda *_, **__: None)
        broken.write(path)
    with pytest.raises(RecordError, match=f"b.parquet: .*{message}.*delete it and run"):
        read_ground_truth(path)


def test_other_files_are_refused_by_name(tmp_path):
    path = tmp_path / "b.parquet"
    with pytest.raises(RecordError, match="b.parquet: missing; run"):
        read_ground_truth(path)
    path.write_text("nothing")
    with pytest.raises(RecordError, match="not an exhaustive table"):
        read_ground_truth(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(RecordError, match="not an exhaustive table"):
        read_ground_truth(path)
    changed = pa.table({"a": [1]}).replace_schema_metadata({"mtnas": '{"a": 1}'})
    pq.write_table(changed, path)
    with pytest.raises(RecordError, match=r"b.parquet: lacks its digest[^;]*; delete it[^;]*$"):
        read_ground_truth(path)


def test_spaces_of_a_dataset_become_one_file(whole, tmp_path):
    root = trained(
        tmp_path,
        "root",
        at_once=9,
        changes={"space": "root", "options": {**NETWORK, "query_scope": "root"}, "seeds": [1]},
    )
    both = concatenate([whole, root])
    both.write(tmp_path / "both.parquet")
    read = read_ground_truth(tmp_path / "both.parquet")
    assert set(read.records) == {"tiny", "root"}
    assert read.table("root", "test_loss").shape == (9, 1)
    assert read.table("tiny", "test_loss").shape == (81, 2)
    with pytest.raises(RecordError, match="space 'root' is in another file, too"):
        concatenate([root, whole, root])
