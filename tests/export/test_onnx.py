"""ONNX: the same predictions without PyTorch, and, as the documentation shows it, without mtnas."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtnas.data.prepare.store import read_compact
from mtnas.export import onnx
from mtnas.export.folder import export, inputs_at
from mtnas.export.program import input_names
from mtnas.runtime.errors import ConfigError
from tests.helpers.exports import predictions, trained_run

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/using-a-model.md"
SEED = 3
LACKING = onnx.missing_packages()

needs_onnx = pytest.mark.skipif(
    bool(LACKING), reason=f"not installed: {', '.join(LACKING)} (pip install -e '.[export]')"
)


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize("method", ["mtnas", "single_task"])
def test_onnx_predicts_what_the_run_did(here, method, tmp_path):
    from onnxruntime import InferenceSession

    trained = trained_run("loans", method, "as_onnx")
    export(trained, SEED, tmp_path / "model")
    known = predictions(trained, SEED)
    table = read_compact(trained.table, trained.data / "manifest.json")
    inputs = [tensor.numpy() for tensor in inputs_at(table.inputs, known.index.to_numpy())]
    session = InferenceSession(tmp_path / "model/model.onnx")
    (found,) = session.run(None, dict(zip(input_names(table.inputs.layout), inputs, strict=True)))
    largest = np.maximum(1, known.abs().max())
    assert (np.abs(found - known) / largest).max().max() <= 1e-6
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


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(onnx, "PACKAGES", ("onnx_of_nobody",))
    with pytest.raises(ConfigError, match=r"onnx_of_nobody, .*\[export\]'`, or .*--no-onnx"):
        onnx.check_packages()
