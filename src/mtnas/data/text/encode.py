"""Features of the texts of a dataset: made once by an encoder, kept as Parquet with their origin.

A row of the file is the vector of a row of the dataset. What it was made of stands in its metadata
under `mtnas`: so whoever reads it notices features of other texts, or that they were changed.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import Encoding
from mtnas.data.sources.base import Dataset
from mtnas.runtime.errors import ConfigError, DataError, unknown
from mtnas.runtime.files import Json, atomic_path

ENCODERS = ("glove", "minilm")  # files of this folder
_COLUMN, _KEY = "vector", b"mtnas"
Features = NDArray[np.float32]


def write(dataset: Dataset, raw: Path | None, target: Path) -> None:
    """Encode the texts of a dataset into a file, atomically.

    Raises:
        DataError: its raw files or the weights of its encoder are missing or are other ones.
    """
    features, facts = encoded(dataset, raw)
    column = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel()), features.shape[1])
    told = json.dumps({**facts.model_dump(), "vectors_sha256": _digest(features)})
    table = pa.table({_COLUMN: column}).replace_schema_metadata({_KEY: told})
    with atomic_path(target) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read(dataset: Dataset, raw: Path | None, path: Path) -> tuple[Features, Encoding]:
    """Return what `write` wrote: the features [rows, W] and how they were made.

    Raises:
        DataError: no such file, or it belongs to other texts or another encoder, or was changed.
    """
    again = f"delete it and run `.venv/bin/snakemake --cores 1 {path}`"
    try:
        table = pq.read_table(path)
        told: Json = json.loads(table.schema.metadata[_KEY])
        column = table[_COLUMN].combine_chunks()
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as problem:
        raise DataError(f"{path}: no file of encoded texts ({problem}); {again}") from None
    features = np.asarray(column.flatten().to_numpy()).reshape(len(column), -1)
    if told.pop("vectors_sha256", None) != _digest(features):
        raise DataError(f"{path}: was changed after it was written (its digest differs); {again}")
    facts = Encoding(**told)
    wanted = (dataset.encoder, _digest_of_texts(dataset.texts(raw)))
    if (facts.encoder, facts.texts_sha256) != wanted:
        raise DataError(
            f"{path}: features by {facts.encoder!r} of other texts than dataset "
            f"{dataset.name!r} has, which wants {dataset.encoder!r}; {again}"
        )
    return features, facts


def encoded(dataset: Dataset, raw: Path | None) -> tuple[Features, Encoding]:
    """Return the features of the texts of a dataset, and how they were made.

    Raises:
        ConfigError: it names no encoder that there is.
        DataError: as `write`.
    """
    if dataset.encoder not in ENCODERS:
        where = f"dataset {dataset.name!r}"
        raise ConfigError(unknown("encoder", str(dataset.encoder), ENCODERS, where))
    encoder = import_module(f"mtnas.data.text.{dataset.encoder}")
    texts = list(dataset.texts(raw))
    features, counts = encoder.encode(texts)
    return features, Encoding(
        encoder=dataset.encoder,
        package=encoder.PACKAGE.requirement,
        weights_sha256=encoder.PACKAGE.files[encoder.WEIGHTS],
        texts=len(texts),
        texts_sha256=_digest_of_texts(texts),
        **asdict(counts),
    )


def _digest_of_texts(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()


def _digest(features: Features) -> str:
    return hashlib.sha256(np.ascontiguousarray(features, "<f4").data).hexdigest()
