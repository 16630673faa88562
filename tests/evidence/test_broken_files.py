"""Result files that were cut, edited or mixed up: one message with the file and what to do."""

import re
import shutil

import pytest

from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.store import read_compact
from mtnas.data.prepare.table import prepare
from mtnas.evidence.records import read_run
from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.experiments.train import train as train_run
from mtnas.report.searched import read_routes
from mtnas.runtime.errors import MtnasError
from mtnas.runtime.files import read_json, sealed, write_json, write_record
from mtnas.study.specs import RunSpec, SearchSpec
from tests.helpers.runs import make_run

SPEC = {
    "dataset": "insteval",
    "method": "mtnas",
    "variant": "paper",
    "seeds": [0],
    "options": {"num_layers": 1, "num_subnets": 3, "hidden_dim": 4},
    "training": {"batch_size": 64, "embedding_dim": 2},
}
CHANGED = "was changed after it was written (its digest differs); delete it and run"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """One folder with every kind of result file, all whole."""
    folder = tmp_path_factory.mktemp("sound")
    fields = ["student", "lecturer"]
    data = {"table": folder / "table.parquet", "manifest": folder / "manifest.json"}
    prepare({"dataset": "insteval", "drop_fields": fields}, **data)
    searched = SearchSpec.of({**SPEC, "search": {"steps": 2, "batch_size": 64}})
    found = search(searched, Job(**data))
    found.write(routes=folder / "routes.json", supernet=folder / "supernet.safetensors")
    made = make_run(folder, "mmoe", (0.7, 0.8))
    for name in ("metrics.csv", "run.json"):
        shutil.move(made / name, folder / name)
    return folder


def train(folder, derive="retrain"):
    data = {"table": folder / "table.parquet", "manifest": folder / "manifest.json"}
    routes = {"routes": folder / "routes.json", "supernet": folder / "supernet.safetensors"}
    return train_run(RunSpec.of({**SPEC, "derive": derive}), Job(**data), **routes)


READERS = {
    "table": lambda folder: read_compact(folder / "table.parquet", folder / "manifest.json"),
    "manifest": lambda folder: Manifest.read(folder / "manifest.json"),
    "run": read_run,
    "train": train,
    "inherit": lambda folder: train(folder, "inherit"),
    "routes": lambda folder: read_routes(folder / "routes.json"),
}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    for at in range(len(content) // 3, 2 * len(content) // 3, 97):
        content[at] ^= 0xFF
    path.write_bytes(content)


def text(content):
    return lambda path: path.write_text(content)


def edit(change):
    def damage(path):
        content = read_json(path)
        change(content)
        write_json(path, content)

    return damage


def no_number(value):
    """Put what is no finite number in place of the first number."""

    def damage(path):
        path.write_text(re.sub(r"-?\d+\.\d+", value, path.read_text(), count=1))

    return damage


def without(key):
    return edit(lambda content: content.pop(key))


def seal(change):
    """Let a record say something else, with the digest that belongs to it."""

    def damage(path):
        content = read_json(path)
        change(content)
        write_json(path, sealed(content))

    return damage


def instead(old, new):
    """Type over text that occurs in a file."""

    def damage(path):
        whole = path.read_text()
        assert old in whole
        path.write_text(whole.replace(old, new, 1))

    return damage


def metrics(content):
    """Let a run have other metrics, with the digest that belongs to them."""

    def damage(path):
        path.write_text(content)
        write_record(path.with_name("run.json"), read_json(path.with_name("run.json")), [path])

    return damage


def metric(value):
    return metrics(f"seed,split,task,metric,value\n0,test,t0,auc,{value}\n")


def first_block(content):
    return content["seeds"]["0"]["blocks"]["t0"]


def another_route(content):
    """Move a task to another sub-network of the same space."""
    block = first_block(content)
    block["values"] = ["s1"] if block["values"] != ["s1"] else ["s2"]


def nudge(path):
    """Change the last weight."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


BROKEN = [
    ("table", "table.parquet", flip, "was changed after it was written"),
    ("train", "table.ids.npy", flip, "was changed after it was written"),
    ("train", "table.ids.npy", lambda path: path.unlink(), "missing; run"),
    ("table", "table.parquet", cut, "was changed after it was written"),
    ("table", "table.parquet", lambda path: path.unlink(), "missing; run"),
    ("table", "manifest.json", cut, "not JSON"),
    ("table", "manifest.json", lambda path: path.write_bytes(b"\xff\xfe{}"), "not JSON"),
    ("table", "manifest.json", lambda path: path.unlink(), "missing; run"),
    ("table", "manifest.json", without("split_sizes"), "was changed after it was written"),
    ("manifest", "manifest.json", cut, "not JSON"),
    ("manifest", "manifest.json", without("digest"), "lacks its digest"),
    ("run", "run.json", cut, "not JSON"),
    ("run", "run.json", text("{}"), "lacks its digest"),
    ("run", "run.json", text("[]"), "lacks an object"),
    ("run", "run.json", without("spec"), CHANGED),
    ("run", "run.json", without("digest"), "lacks its digest"),
    ("run", "run.json", edit(lambda c: c["timings"].update(train_seconds=1.0)), CHANGED),
    ("run", "run.json", no_number("NaN"), CHANGED),
    ("run", "run.json", no_number("1e999"), CHANGED),
    ("table", "manifest.json", no_number("-Infinity"), CHANGED),
    ("run", "run.json", seal(lambda c: c.pop("parameters")), "the key 'parameters' is missing"),
    ("run", "run.json", seal(lambda c: c["spec"].pop("method")), "the key 'method' is missing"),
    ("run", "run.json", seal(lambda c: c["timings"].update(watts=3)), "unknown key 'watts'"),
    ("run", "run.json", seal(lambda c: c.update(gates={"0": [0.5]})), "gates.0.0: 0.5"),
    ("run", "metrics.csv", lambda path: path.unlink(), "missing; "),
    ("run", "metrics.csv", text(""), CHANGED),
    ("run", "metrics.csv", instead("0,test,t0,auc,0.699", "0,test,t0,auc,47.5"), CHANGED),
    ("run", "metrics.csv", metrics(""), "not a table"),
    ("run", "metrics.csv", metrics("seed,split\n"), "columns ['seed', 'split'], expected"),
    ("run", "metrics.csv", metrics("seed,split,task,metric,value\n"), "empty, or"),
    ("run", "metrics.csv", metric("inf"), "not a finite number"),
    ("run", "metrics.csv", metric("0.7x"), "not a finite number"),
    ("run", "metrics.csv", metric(""), "a value is missing"),
    ("run", "metrics.csv", metric("47.5"), "auc is 47.5, not 0 .. 1"),
    ("run", "metrics.csv", metric("-0.1"), "auc is -0.1, not 0 .. 1"),
    ("run", "run.json", edit(lambda c: c["spec"].update(method="ple")), CHANGED),
    ("run", "run.json", edit(lambda c: c["spec"].update(seeds=[0, 1])), CHANGED),
    (
        "run",
        "metrics.csv",
        metrics("seed,split,task,metric,value\n7,test,t0,auc,0.5\n"),
        "holds seeds [7], which run.json does not know",
    ),
    ("manifest", "manifest.json", edit(lambda c: c["split_sizes"].update(train=1)), CHANGED),
    ("manifest", "manifest.json", edit(lambda c: c.update(split_kind="given")), CHANGED),
    ("manifest", "manifest.json", edit(lambda c: c.update(label_rates={"t0": 0.5})), CHANGED),
    ("manifest", "manifest.json", edit(lambda c: c.update(label_pcc=[[1, 1], [1, 1]])), CHANGED),
    *(
        (reader, "routes.json", damage, message)
        for reader in ("train", "routes")
        for damage, message in (
            (cut, "not JSON"),
            (without("space"), CHANGED),
            (edit(another_route), CHANGED),
            (edit(lambda c: c["seeds"].update({"1": c["seeds"].pop("0")})), CHANGED),
            (seal(lambda c: c.pop("space")), "the key 'space' is missing"),
            (seal(lambda c: c["seeds"].clear()), "lacks seeds"),
            (seal(lambda c: first_block(c).pop("values")), "the key 'values' is missing"),
            (seal(lambda c: first_block(c).update(query="s9")), "query 's9'"),
            (seal(lambda c: c["space"].update(num_layers=2)), "needs `values` and `query`"),
        )
    ),
    ("train", "routes.json", seal(lambda c: c["space"].update(num_subnets=4)), "this run needs"),
    (
        "train",
        "routes.json",
        seal(lambda c: c["seeds"].update({"1": c["seeds"].pop("0")})),
        "no route for seeds [0]",
    ),
    ("inherit", "routes.json", edit(another_route), CHANGED),
    ("inherit", "supernet.safetensors", cut, CHANGED),
    ("inherit", "supernet.safetensors", nudge, CHANGED),
    ("inherit", "supernet.safetensors", lambda path: path.unlink(), "missing; "),
]


@pytest.mark.parametrize(("reader", "name", "damage", "message"), BROKEN)
def test_a_broken_file_is_one_message_with_the_next_command(
    sound, tmp_path, reader, name, damage, message
):
    for file in sound.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path / file.name)
    damage(tmp_path / name)

    with pytest.raises(MtnasError) as caught:
        READERS[reader](tmp_path)

    path = str(tmp_path / name)
    assert path in str(caught.value)
    assert message in str(caught.value)
    assert f"run `.venv/bin/snakemake --cores 1 {path}`" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", [r for r in READERS if r != "train"])
def test_whole_files_are_read(sound, reader):
    assert READERS[reader](sound)


def test_a_folder_with_the_files_of_another_run_is_refused(tmp_path):
    made = make_run(tmp_path / "runs", "mmoe", (0.7, 0.8))
    assert read_run(made).key == ("bookcrossing", "mmoe", "paper")
    moved = made.parents[1] / "ple" / "paper"
    shutil.copytree(made, moved)

    with pytest.raises(MtnasError, match="is of bookcrossing/mmoe/paper; delete it and run"):
        read_run(moved)


def test_weights_of_another_network_are_refused(sound, tmp_path):
    data = {"table": sound / "table.parquet", "manifest": sound / "manifest.json"}
    routes = {"routes": sound / "routes.json", "supernet": sound / "supernet.safetensors"}
    options = {**SPEC["options"], "hidden_dim": 5}
    wider = RunSpec.of({**SPEC, "derive": "inherit", "options": options})

    with pytest.raises(MtnasError, match="weights of another network or other seeds"):
        train_run(wider, Job(**data), **routes)
