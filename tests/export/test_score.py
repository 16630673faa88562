"""Raw rows scored by an export are predicted as in the test part of the run."""

import argparse
import json
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import mtnas
from mtnas.data.prepare.manifest import FieldSummary, PrepareSpec
from mtnas.data.prepare.store import read_compact
from mtnas.data.sources import load
from mtnas.evidence.records import wide
from mtnas.export import folder as folder_module
from mtnas.export.card import _counted
from mtnas.export.definition import definition_of, portable, without_places
from mtnas.export.encoding import Encoding, RowEncoder
from mtnas.export.folder import export, inputs_at, predict
from mtnas.export.program import program_of
from mtnas.export.rows import rows_of
from mtnas.export.score import score
from mtnas.runtime.errors import ConfigError, DataError, RecordError
from mtnas.runtime.files import read_json
from mtnas.runtime.seeds import of_restarts
from tests.export.conftest import inside
from tests.helpers.exports import LOANS, ROWS, TRAINED, predictions, trained_run

SEED = 5
PRECISION = 1e-6  # of probabilities; of days, relative to 30 of them


def covers_in(folder):
    """Name the file of covers, from anywhere."""
    return {"cover": folder / "covers.parquet"}


@pytest.fixture(scope="module")
def model(study):
    """An export of a joint model, its run, and the rows of the raw table."""
    with inside(study):
        trained = trained_run("loans", "share_bottom", "scored")
        export(trained, SEED, study / "model", with_onnx=False)
    return study / "model", trained, pd.read_csv(study / "loans.csv", dtype=str)


def difference(found, known):
    """Return the largest difference of predictions, in probabilities and in 30 days."""
    gap = (found.loc[known.index, list(known)] - known).abs()
    return max(gap.drop(columns="p_days").max().max(), gap["p_days"].max() / 30)


def scored(model, frame, tmp_path, name="rows.csv", **keys):
    """Score rows in a file of this name; return predictions and what was counted."""
    file, out = tmp_path / name, tmp_path / "out.parquet"
    if name.endswith(".csv"):
        frame.to_csv(file, index=False)
    elif name.endswith(".jsonl"):
        frame.to_json(file, orient="records", lines=True)
    else:
        frame.to_parquet(file)
    counted = score(model, [file], out, **keys)
    return pd.read_parquet(out), counted


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_raw_rows_in_any_format_are_scored_as_in_the_run(here, model, tmp_path, name):
    folder, trained, rows = model
    found, counted = scored(folder, rows.drop(columns=["stars", "mood", "days"]), tmp_path, name)
    known = predictions(trained, SEED)
    assert difference(found, known) <= PRECISION
    assert list(found) == list(known)
    assert counted.rows == len(found) == ROWS
    assert not counted.unseen and not counted.not_read


@pytest.mark.slow
@pytest.mark.parametrize("method", TRAINED)
def test_raw_rows_are_scored_by_every_method_as_in_its_run(here, method, tmp_path):
    """A value that the model never met counts as zero, in its row alone."""
    trained = trained_run("loans", method)
    export(trained, SEED, tmp_path / "model", with_onnx=False)
    rows = pd.read_csv("loans.csv", dtype=str)
    found, _ = scored(tmp_path / "model", rows, tmp_path)
    assert difference(found, predictions(trained, SEED)) <= PRECISION
    rows.loc[2, "reader"] = "nobody"
    other, counted = scored(tmp_path / "model", rows, tmp_path)
    assert counted.unseen == {"reader": 1}
    assert set(np.flatnonzero((found != other).any(axis=1))) == {2}
    np.testing.assert_allclose(other.loc[2], unseen(trained), atol=PRECISION)


def unseen(trained):
    """Return what the run predicts for row 2 if the embedding of its reader is zero."""
    table = read_compact(trained.table, trained.data / "manifest.json")
    (route, *_) = trained.routes(SEED)
    program = program_of(trained, SEED, route)
    inputs = inputs_at(table.inputs, np.array([2]))
    with torch.no_grad():
        for model in program.models:
            model.table[inputs[0][0, 0]] = 0
    return predict(program, inputs)[0]


def test_new_values_are_counted_and_change_only_their_rows(here, model, tmp_path):
    folder, _, rows = model
    before, _ = scored(folder, rows, tmp_path)
    rows = rows.copy()
    rows.loc[[2, 5], "reader"] = ["nobody", "noone"]
    rows.loc[9, "tags"] = "a|brand new"
    after, counted = scored(folder, rows, tmp_path)
    assert counted.unseen == {"reader": 2, "tags": 1}
    changed = (before != after).any(axis=1)
    assert set(np.flatnonzero(changed)) == {2, 5, 9}
    lines = "\n".join(counted.lines())
    assert f"Rows with predictions: {ROWS}" in lines
    assert "Values of reader that the data of the model did not hold: 2" in lines


def test_a_broken_row_is_counted_and_the_others_keep_their_order(here, model, tmp_path):
    folder, _, rows = model
    whole, _ = scored(folder, rows, tmp_path, keep=["isbn"])
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    lines[4] += ",one,too,many"
    (tmp_path / "broken.csv").write_text("\n".join(lines))
    counted = score(folder, [tmp_path / "broken.csv"], tmp_path / "out.parquet", keep=["isbn"])
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert counted.rows == ROWS - 1 and sum(counted.not_read.values()) == 1
    pd.testing.assert_frame_equal(found, whole.drop(index=3).reset_index(drop=True))
    assert found["isbn"].tolist() == rows["isbn"].drop(index=3).tolist()


def test_a_row_with_a_value_that_cannot_be_read_has_null_and_no_other_is_refused(
    here, model, tmp_path
):
    folder, _, rows = model
    rows = rows.head(3).copy()
    whole, _ = scored(folder, rows, tmp_path)
    rows.loc[[0, 2], "price"] = ["cheap", "12 EUR"]
    rows.loc[0, "reader"] = "a new one, not counted in a row without a prediction"
    found, counted = scored(folder, rows, tmp_path, keep=["price"])
    assert found.drop(columns="price").isna().all(axis=1).tolist() == [True, False, True]
    pd.testing.assert_frame_equal(found.loc[[1], list(whole)], whole.loc[[1]])
    assert (counted.rows, counted.unread, counted.unseen) == (1, 2, {})
    lines = "\n".join(counted.lines())
    assert "Rows with a value that could not be read, predictions null: 2\n" in lines
    assert "must be of type numeric: 2 of 3 are not, such as 'cheap'" in lines
    with pytest.raises(
        DataError, match=r"rows.csv: no row can be scored: .* such as 'cheap'; writ"
    ):
        scored(folder, rows.head(1), tmp_path / "..", name=f"{tmp_path.name}/rows.csv")


def test_broken_lines_are_counted_however_many_unless_none_is_sound(here, model, tmp_path):
    folder, _, rows = model
    file, out = tmp_path / "rows.csv", tmp_path / "out.parquet"
    head, *lines = rows.head(3).to_csv(index=False).splitlines()
    for broken in ([0, 1], [0, 1, 2]):
        text = [line + ",more" if i in broken else line for i, line in enumerate(lines)]
        file.write_text("\n".join([head, *text]))
        if len(broken) == 2:
            counted = score(folder, [file], out)
            assert (counted.rows, sum(counted.not_read.values())) == (1, 2)
    with pytest.raises(DataError, match="3 of 3 rows do not have .*; rows to be scored need the "):
        score(folder, [file], out)


def test_kept_columns_are_as_the_file_has_them(here, model, tmp_path):
    folder, _, rows = model
    notes = [" a ", "", "NA", "3.0", "TRUE", "-0.0", "1e5", "a|b"]
    rows = rows.head(len(notes)).assign(note=notes)
    found, _ = scored(folder, rows, tmp_path, keep=["note", "isbn", "note"])
    assert found["note"].fillna("null").tolist() == [" a ", "null", *notes[2:]]
    assert found["isbn"].tolist() == rows["isbn"].tolist()
    found, _ = scored(folder, rows, tmp_path, "rows.jsonl", keep=["note"])
    assert found["note"].fillna("null").tolist() == [" a ", "null", *notes[2:]]
    typed = rows.assign(isbn=rows["isbn"].astype(int), note=[0.5, *range(7)])
    found, _ = scored(folder, typed, tmp_path, "rows.parquet", keep=["note", "isbn"])
    assert found["note"].tolist() == typed["note"].tolist() and found["isbn"].dtype == np.int64
    typed["p_likes"] = 1
    with pytest.raises(ConfigError, match="--keep p_likes: predictions have this name"):
        scored(folder, typed, tmp_path, keep=["p_likes"])


def test_features_are_those_of_the_rows(here, model, tmp_path):
    folder, _, rows = model
    before, _ = scored(folder, rows, tmp_path)
    covers = pd.read_parquet("covers.parquet")
    covers.loc[covers["isbn"] == 4, "x"] += 3
    covers.to_parquet(tmp_path / "new.parquet")
    after, _ = scored(folder, rows, tmp_path, features={"cover": tmp_path / "new.parquet"})
    changed = (before != after).any(axis=1)
    assert (changed == (rows["isbn"] == "4")).all()
    covers[["isbn", "x"]].to_parquet(tmp_path / "thin.parquet")
    with pytest.raises(DataError, match="'cover': 1 features a row, the model was trained with 3"):
        scored(folder, rows, tmp_path, features={"cover": tmp_path / "thin.parquet"})


REFUSED = {
    "a column is missing": ("reader", {}, "unknown column 'reader'"),
    "no such field": ("", {"features": {"x": None}}, "unknown field of features 'x'"),
    "no such source": ("", {"source": "x"}, "unknown source 'x'"),
    "no such join": ("", {"joins": {"x": None}}, "unknown join 'x'"),
    "no such column to keep": ("", {"keep": ["nothing"]}, "unknown column 'nothing'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_and_arguments_that_do_not_suit_are_refused(here, model, tmp_path, case):
    without, keys, message = REFUSED[case]
    rows = model[2].drop(columns=without or [])
    with pytest.raises((ConfigError, DataError), match=message):
        scored(model[0], rows, tmp_path, **keys)
    assert not (tmp_path / "out.parquet").exists()


def test_a_changed_export_is_refused(here, model, tmp_path):
    folder = shutil.copytree(model[0], tmp_path / "copy")
    file = folder / "encoding.json"
    file.write_text(file.read_text().replace('"modulus": 1000000', '"modulus": 1000'))
    with pytest.raises(RecordError, match=r"encoding.json: was changed .*; export the run again"):
        score(folder, [here / "loans.csv"], tmp_path / "out.parquet")
    with pytest.raises(ConfigError, match="no model.json; name a folder that `mtnas export"):
        score(tmp_path, [here / "loans.csv"], tmp_path / "out.parquet")


def test_joined_tables_are_those_of_the_rows(here, model, tmp_path, monkeypatch):
    folder, _, rows = model
    before, counted = scored(folder, rows, tmp_path)
    assert counted.odd == {"no partner in books": (rows["isbn"] == "8").sum()}
    books = pd.read_csv("books.csv")
    books.loc[books["isbn"] == 2, "genre"] = "t"
    books.to_csv(tmp_path / "new.csv", index=False)
    after, _ = scored(folder, rows, tmp_path, joins={"books": tmp_path / "new.csv"})
    assert ((before != after).any(axis=1) == (rows["isbn"] == "2")).all()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="join 'books': books.csv is missing; give --join books="):
        score(folder, [here / "loans.csv"], tmp_path / "o.parquet", features=covers_in(here))


def test_rows_of_one_of_several_sources_are_scored(here, tmp_path):
    trained = trained_run("cities", "share_bottom")
    export(trained, SEED, tmp_path / "model", with_onnx=False)
    known = predictions(trained, SEED)
    for source, first, count in (("oslo", 0, ROWS), ("rome", ROWS, ROWS // 2)):
        out = tmp_path / f"{source}.parquet"
        score(tmp_path / "model", [here / f"{source}.csv"], out, source=source)
        found = pd.read_parquet(out).set_index(np.arange(first, first + count))
        own = known[known.index.isin(found.index)]
        gap = (found.loc[own.index] - own).abs().max()
        assert gap["p_moves"] <= PRECISION and gap["p_pay_nok"] <= PRECISION * 300
    with pytest.raises(ConfigError, match="--source: the dataset has several sources: oslo, rome"):
        score(tmp_path / "model", [here / "oslo.csv"], tmp_path / "x.parquet")


def test_fields_of_a_dataset_in_python_are_columns_as_they_are(here, model, tmp_path):
    trained = trained_run("plain", "share_bottom")
    export(trained, SEED, tmp_path / "model", with_onnx=False)
    encoding = Encoding.model_validate(read_json(tmp_path / "model/encoding.json"))
    frame = pa.Table.from_batches(load("plain").chunks(None)).select(
        [field.name for field in encoding.fields]
    )
    pq.write_table(frame, tmp_path / "rows.parquet")
    own = rows_of(encoding.model_copy(update={"definition": None}), [tmp_path / "rows.parquet"])
    (batch,) = own.chunks(None)
    found = RowEncoder(encoding, tmp_path / "model", {}).encode(batch)
    table = read_compact(trained.table, trained.data / "manifest.json").inputs
    np.testing.assert_array_equal(found["ids"], table.ids)
    np.testing.assert_array_equal(found["numbers"], table.numbers)
    loans = Encoding.model_validate(read_json(model[0] / "encoding.json"))
    with pytest.raises(ConfigError, match="'cover' of dataset 'loans' is made of texts by an"):
        rows_of(loans.model_copy(update={"definition": None}), [tmp_path / "rows.parquet"])


def test_half_a_sign_in_an_expression_of_an_export_is_refused(here, model):
    """YAML cannot hold one, but an export is JSON, and may be somebody else's."""
    told = read_json(model[0] / "encoding.json")
    told["definition"]["sources"][""]["fields"]["reader"]["sql"] = "concat(reader, '\ud800')"
    encoding = Encoding.model_validate(json.loads(json.dumps(told)))
    with pytest.raises(ConfigError, match="mtnas score: loans: .*an expression holds half a sign"):
        rows_of(encoding, [here / "loans.csv"], features=covers_in(here))


def command(name, *arguments):
    """Run a subcommand as the command line does."""
    module = import_module(f"mtnas.commands.{name}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    module.run(parser.parse_args([*map(str, arguments)]))


def test_the_commands_export_the_best_seed_or_all_and_score(here, model, tmp_path, capsys):
    _, trained, _ = model
    run = trained.run.folder
    command("export", run, "--out", tmp_path / "one", "--no-onnx")
    valid = trained.run.metrics.query("split == 'valid' and metric == 'mtl_loss'")
    best = int(valid.seed.iloc[valid.value.astype(float).argmin()])
    assert f"one: seed {best}; its predictions of" in capsys.readouterr().out
    command(
        "export",
        "loans/share_bottom/scored",
        "--out",
        tmp_path / "each",
        "--no-onnx",
        "--seed",
        "all",
    )
    assert {folder.name for folder in (tmp_path / "each").iterdir()} == {"seed-3", "seed-5"}
    out = tmp_path / "out.parquet"
    covers = f"cover={here / 'covers.parquet'}"
    command("score", tmp_path / "one", "loans.csv", "--out", out, "--features", covers)
    assert f"Rows with predictions: {ROWS}\n" in capsys.readouterr().out
    assert difference(pd.read_parquet(out), predictions(trained, best)) <= PRECISION
    for wrong, message in {"7": "the run has seeds 3, 5", "first": "`best` or `all`"}.items():
        with pytest.raises(ConfigError, match=message):
            command("export", run, "--out", tmp_path / "x", "--no-onnx", "--seed", wrong)
    with pytest.raises(ConfigError, match="is there already; name another folder"):
        command("export", run, "--out", tmp_path / "one", "--no-onnx")
    with pytest.raises(ConfigError, match="--features cover: write NAME=FILE"):
        command("score", tmp_path / "one", "loans.csv", "--out", out, "--features", "cover")


def test_the_folder_says_what_it_is(here, model):
    folder, trained, _ = model
    encoding = json.loads((folder / "encoding.json").read_text())
    assert encoding["singles"] == ["reader", "books.genre", "pages", "day_weekday"]
    assert encoding["bags"] == [{"name": "tags", "length": 3}]
    assert [output["unit"] for output in encoding["outputs"]] == ["", "", "days"]
    vocabulary = pq.read_table(trained.data / "table.vocabulary.parquet").to_pandas()
    hashed = np.load(folder / "vocabulary.npy")
    assert (hashed[vocabulary["id"]] == vocabulary["hashed_id"]).all()
    card = (folder / "README.md").read_text()
    auc = trained.run.metrics.query("split == 'test' and metric == 'auc'").value.astype(float)
    assert f"| {auc.mean():.4f} | {auc.std():.4f} |" in card
    assert trained.manifest.content_sha256 in card
    assert "from 7 fields" in card and "rows, 2 seeds; every" in card
    assert _counted(1, "seed") == "1 seed"


def test_a_card_tells_the_mean_over_splits_and_the_scores_of_the_restart(here, tmp_path):
    seeds = of_restarts((3, 5), 2)
    training = {"restarts": 2, "of_restarts": "mean"}
    trained = trained_run("loans", "mmoe", "restarted", training=training, seeds=list(seeds))
    folder = tmp_path / "model"
    export(trained, seeds[-1], folder, with_onnx=False)

    loss = wide(trained.run.metrics)["mtl_loss"]
    mean, own = loss.mean(), loss[seeds[-1]]
    card = (folder / "README.md").read_text()
    assert "2 splits with 2 models each" in card
    assert f"| {mean:.4f} |" in card
    assert f"| {own:.4f} |" in card


def test_an_export_tells_nothing_of_the_disk_it_was_made_on(here, model):
    for file in model[0].iterdir():
        told = file.read_bytes()
        assert not [place for place in (here, Path(mtnas.__file__).parent) if bytes(place) in told]
    away = LOANS.replace("loans.csv", str(here / "loans.csv")).replace("books.csv", "~/books.csv")
    away = away.replace("path: covers.parquet, key: isbn", "path: ../covers.parquet")
    (here / "declared/away.yaml").write_text(away, encoding="utf-8")
    found = definition_of(PrepareSpec(dataset="away", definition=load("away").definition))
    table = found["sources"][""]
    assert table["path"] == [".../loans.csv"] and table["fields"]["cover"]["path"] == (
        ".../covers.parquet"
    )
    assert table["joins"]["books"]["path"] == [".../books.csv"]
    assert portable("data/*/books.csv") == "data/*/books.csv"
    (field,) = (f for f in load("away").fields if f.kind == "features")
    summary = FieldSummary(name="cover", column=field.column, kind=field.kind, help=field.help)
    assert without_places(summary).help == without_places(summary).column == ".../covers.parquet"


def test_a_folder_that_came_to_be_meanwhile_is_left_alone(here, model, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "_checked", meanwhile(tmp_path / "out"))
    with pytest.raises(ConfigError, match="out: another process has made it meanwhile"):
        export(model[1], SEED, tmp_path / "out", with_onnx=False)
    assert [file.name for file in (tmp_path / "out").rglob("*")] == ["its own"]


def meanwhile(out):
    """Return the check of a program, at whose end another process makes the folder."""
    checked = folder_module._checked

    def and_made(trained, seed):
        found = checked(trained, seed)
        out.mkdir()
        (out / "its own").touch()
        return found

    return and_made


def test_an_export_whose_predictions_are_not_those_of_the_run_is_refused(here, tmp_path):
    trained = trained_run("loans", "share_bottom", "spoilt")
    weights = trained.weights
    broken = weights(SEED)
    broken[0].tensors["heads.bias"][0] += 0.01
    object.__setattr__(trained, "weights", lambda seed: broken)
    with pytest.raises(RecordError, match="the weights do not give the predictions of the run"):
        export(trained, SEED, tmp_path / "model", with_onnx=False)
    assert not (tmp_path / "model").exists()
