"""Features of texts in the real workflow: made once, by weights that are known, then prepared."""

import shutil

import numpy as np
import pandas as pd
import pytest

from mtnas.data.text import glove
from mtnas.runtime.files import read_json, sha256_of
from tests.data.test_text import FILES, WORDS

pytestmark = pytest.mark.slow

TARGET = "results/data/sentiment_glove/manifest.json"


@pytest.fixture
def vectors(fresh):
    """Let the checkout know a package of three words, which lies beside its code."""
    folder = fresh.folder / "src/three_words"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").touch()
    array, words = sorted(glove.PACKAGE.files, key=lambda name: name.endswith(".parquet"))
    np.save(folder / array, np.array(list(WORDS.values()), np.float32))
    pd.DataFrame({"index": list(WORDS)}).to_parquet(folder / words)
    file = fresh.folder / "src/mtnas/data/text/glove.py"
    code = file.read_text("utf-8").replace(glove.PACKAGE.module, folder.name)
    for name, known in glove.PACKAGE.files.items():
        code = code.replace(known, sha256_of(folder / name))
    file.write_text(code, "utf-8")
    return folder


def test_texts_are_encoded_once(fresh, vectors):
    raw = fresh.folder / "sentences"
    raw.mkdir()
    for name, text in FILES.items():
        (raw / name).write_text(text, "utf-8")
    given = ("--config", f"sentiment_glove_raw={raw}")

    fresh.snakemake(TARGET, *given)

    manifest = read_json(fresh.folder / TARGET)
    assert (manifest["encoding"]["encoder"], manifest["encoding"]["texts"]) == ("glove", 220)
    assert not fresh.plan(TARGET, *given).jobs
    shutil.rmtree(vectors)
    (fresh.folder / TARGET).unlink()
    assert dict(fresh.plan(TARGET, *given).jobs) == {"prepare": 1}
    fresh.snakemake(TARGET, *given)  # without the package
    assert read_json(fresh.folder / TARGET) == manifest

    with (raw / "mpqa.all").open("a") as more:
        more.write("0 bad bad\n")
    assert dict(fresh.plan(TARGET, *given).jobs) == {"encode": 1, "prepare": 1}
    printed = fresh.snakemake(TARGET, *given, ok=False)
    assert ".venv/bin/pip install 'mtnas[text]'" in printed
    assert "Traceback" not in printed
