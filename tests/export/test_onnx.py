"""ONNX: the same predictions without PyTorch, and, as the documentation shows it, without mtnas."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from mtnas.__main__ import main
from mtnas.data.prepare.store import read_compact
from mtnas.export import onnx
from mtnas.export.folder import export, inputs_at, predict
from mtnas.export.program import input_names, program_of
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import read_json
from tests.helpers.exports import TRAINED, predictions, trained_run

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/using-a-model.md"
SEED = 3
LACKING = onnx.missing_packages()

needs_onnx = pytest.mark.skipif(
    bool(LACKING), reason=f"not installed: {', '.join(LACKING)} (pip install -e '.[export]')"
)


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize("method", TRAINED)
def test_onnx_predicts_what_the_run_did(here, method, tmp_path):
    from onnxruntime import InferenceSession

    trained = trained_run("loans", method, "as_onnx")
    export(trained, SEED, tmp_path / "model")
    known = predictions(trained, SEED)
    table = read_compact(trained.table, trained.data / "manifest.json")
    inputs = [tensor.numpy() for tensor in inputs_at(table.inputs, known.index.to_numpy())]
    session = InferenceSession(tmp_path / "model/model.onnx")
    names = input_names(table.inputs.layout)
    (found,) = session.run(None, dict(zip(names, inputs, strict=True)))
    largest = np.maximum(1, known.abs().max())
    assert (np.abs(found - known) / largest).max().max() <= 1e-6

    inputs[0][:, 0] = read_json(tmp_path / "model/encoding.json")["unseen"]
    (found,) = session.run(None, dict(zip(names, inputs, strict=True)))
    (route, *_) = trained.routes(SEED)
    again = predict(program_of(trained, SEED, route), [torch.as_tensor(own) for own in inputs])
    assert (np.abs(found - again) / largest.to_numpy()).max() <= 1e-6
    assert (tmp_path / "model/route.json").exists() == (method == "mtnas")


@needs_onnx
@pytest.mark.slow
def test_the_documented_program_scores_rows_without_mtnas(here, tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
    assert "mtnas" not in program
    (tmp_path / "score.py").write_text(program, encoding="utf-8")
    trained = trained_run("plain", "mmoe")
    export(trained, SEED, tmp_path / "model")

    command = [sys.executable, "score.py", "model", str(here / "loans.csv")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    known = predictions(trained, SEED)
    found = pd.DataFrame(json.loads(done.stdout)).loc[known.index, list(known)]
    assert (found - known).abs().max().max() <= 1e-6


ODD = {"reader": {"3": " 3.0", "7": "7.00 "}, "tags": {"b|true|a": "b | TRUE|NA|a", "": " NA "}}


def test_the_documented_program_reads_odd_texts_as_mtnas_does(here, tmp_path):
    """Run its part that encodes rows; what it makes of them is what the run was trained on."""
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
    program, _, rest = program.partition("session = ")
    assert "session.run" in rest
    trained = trained_run("plain", "mmoe")
    export(trained, SEED, tmp_path / "model", with_onnx=False)
    rows = pd.read_csv(here / "loans.csv", dtype=str, keep_default_na=False).replace(ODD)
    rows["price"] = rows["price"].replace("", " ?")
    rows.to_csv(tmp_path / "odd.csv", index=False)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["score.py", str(tmp_path / "model"), str(tmp_path / "odd.csv")])
        patch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
        exec(program, found)
    table = read_compact(trained.table, trained.data / "manifest.json").inputs
    np.testing.assert_array_equal(found["inputs"]["ids"], table.ids)
    np.testing.assert_array_equal(found["inputs"]["numbers"], table.numbers)
    rows.drop(columns="price").to_csv(tmp_path / "odd.csv", index=False)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit, match="lacks .'price'"):
        patch.setattr(sys, "argv", ["score.py", str(tmp_path / "model"), str(tmp_path / "odd.csv")])
        patch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
        exec(program, {})
    found["missing"].append("-1")
    texts = ["-1.0", "-1.", "-1.05", "1", "-10"]
    assert [found["told"](text) for text in texts] == [None, None, *texts[2:]]


COMPUTED = {
    "who": "column reader",
    "cheap": "SQL price < 9",
    "pages": "floor(log2(1 + |x|)), with the sign of x, of column pages",
    "size": "the bucket (below 100, 100 to 300.5, from 300.5) of column pages",
    "books.genre": "column genre of the joined table books",
    "day_weekday": "the weekday (0 is Monday) in UTC of column day",
}


def test_fields_that_a_program_alone_cannot_compute_are_named_and_asked_for(
    here, tmp_path, capsys, monkeypatch
):
    trained = trained_run("derived", "mmoe")
    model = tmp_path / "model"
    assert main(["export", str(trained.run.folder), "--out", str(model), "--no-onnx"]) == 0
    assert read_json(model / "encoding.json")["computed"] == COMPUTED
    for told in (capsys.readouterr().out, (model / "README.md").read_text(encoding="utf-8")):
        assert "cheap: SQL price < 9; pages: floor(log2(" in told
        assert "mtnas score" in told and "`computed:NAME`" in told

    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
    program, _, _ = program.partition("session = ")
    monkeypatch.setattr(sys, "argv", ["score.py", str(model), str(tmp_path / "rows.csv")])
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    rows = pd.read_csv(here / "loans.csv")
    rows.to_csv(tmp_path / "rows.csv", index=False)  # with a column pages, which is not the field
    with pytest.raises(SystemExit, match="computed:pages.*SQL price < 9"):
        exec(program, {})

    genres = pd.read_csv(here / "books.csv").set_index("isbn")["genre"]
    size = pd.cut(
        rows["pages"], [-1, 99, 300, 999], labels=["below 100", "100 to 300.5", "from 300.5"]
    )
    values = {
        "who": rows["reader"],
        "cheap": (rows["price"] < 9).where(rows["price"].notna()),
        "pages": np.log2(1 + rows["pages"]).astype(int),
        "size": size,
        "books.genre": rows["isbn"].map(genres),
        "day_weekday": pd.to_datetime(rows["day"]).dt.day_of_week,
    }
    rows.assign(**{f"computed:{name}": own for name, own in values.items()}).to_csv(
        tmp_path / "rows.csv", index=False
    )
    found = {}
    exec(program, found)
    table = read_compact(trained.table, trained.data / "manifest.json").inputs
    np.testing.assert_array_equal(found["inputs"]["ids"], table.ids)
    np.testing.assert_array_equal(found["inputs"]["numbers"], table.numbers)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(onnx, "PACKAGES", ("onnx_of_nobody",))
    with pytest.raises(ConfigError, match=r"onnx_of_nobody, .*\[export\]'`, or .*--no-onnx"):
        onnx.check_packages()
