"""The folder of an export: programs, encoding, route, model card, and a record of their digests."""

import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from mtnas.data.prepare.store import Inputs, read_compact
from mtnas.data.prepare.vocabulary import vocabulary_file
from mtnas.export import onnx
from mtnas.export.alone import computed
from mtnas.export.card import card
from mtnas.export.definition import definition_of, missing_of, without_places
from mtnas.export.encoding import (
    ENCODING,
    VOCABULARY,
    EncodedField,
    EncodedNumber,
    Encoding,
    Hash,
    Texts,
    outputs_of,
    singles_of,
)
from mtnas.export.program import Program, exported, input_names, program_of
from mtnas.export.trained import Trained
from mtnas.routes.route import Route
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.runtime.files import new_folder, write_json
from mtnas.runtime.record import Record

RECORD, PROGRAM, ONNX, ROUTE, CARD = (
    "model.json",
    "model.pt2",
    "model.onnx",
    "route.json",
    "README.md",
)
RUN = "run.json"
MOST_CHECKED = 10_000  # test rows
_TOLERANCE = 1e-5  # of probabilities, and of values relative to the largest; rounding is 1e-6


class ExportRecord(Record):
    """An export record: its run and seed, how it was checked, the digests of its files."""

    dataset: str
    method: str
    variant: str
    seed: int
    simulated: bool
    content_sha256: str  # of the prepared table
    commit: str | None
    code: str | None
    checked_rows: int
    largest_difference: float  # of predictions on them, to those of the run


def export(trained: Trained, seed: int, out: Path, *, with_onnx: bool = True) -> ExportRecord:
    """Write the folder of one seed.

    Raises:
        ConfigError: no such seed, the folder is there already, a package is missing.
        RecordError: the program does not predict what the run did.
    """
    if seed not in trained.seeds:
        known = ", ".join(map(str, trained.seeds))
        raise ConfigError(f"--seed {seed}: the run has seeds {known}")
    if with_onnx:
        onnx.check_packages()
    with new_folder(out) as folder:
        program, route, rows, difference = _checked(trained, seed)
        files = _programs(trained, program, folder, with_onnx)
        encoding = _encoding(trained, program)
        write_json(folder / ENCODING, encoding.model_dump(mode="json"))
        np.save(folder / VOCABULARY, _vocabulary(trained))
        shutil.copyfile(trained.run.folder / RUN, folder / RUN)
        files += [folder / ENCODING, folder / VOCABULARY, folder / RUN]
        if route is not None:
            told = {"space": route.space.to_json(), "blocks": route.to_json()}
            write_json(folder / ROUTE, {**told, "in_words": route.describe()})
            files.append(folder / ROUTE)
        checked = (
            f"The program was run on {rows} test rows; its largest difference to the predictions "
            f"of the run is {difference:.1g}."
        )
        names = [*(file.name for file in files), RECORD]
        (folder / CARD).write_text(card(trained, encoding, seed, names, checked), encoding="utf-8")
        record = _record(trained, seed, rows, difference)
        record.write(folder / RECORD, [*files, folder / CARD])
    return record


def _record(trained: Trained, seed: int, rows: int, difference: float) -> ExportRecord:
    dataset, method, variant = trained.run.key
    return ExportRecord(
        dataset=dataset,
        method=method,
        variant=variant,
        seed=seed,
        simulated=trained.manifest.simulated,
        content_sha256=trained.manifest.content_sha256,
        commit=trained.run.record.git.commit,
        code=trained.run.record.code,
        checked_rows=rows,
        largest_difference=difference,
    )


def _programs(trained: Trained, program: Program, folder: Path, with_onnx: bool) -> list[Path]:
    layout = trained.manifest.layout
    traced = exported(program, layout)
    with _quiet():
        torch.export.save(traced, folder / PROGRAM)
        beside = onnx.write_onnx(traced, folder / ONNX, input_names(layout)) if with_onnx else []
    return [folder / PROGRAM, *beside]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what exporters say of themselves and of packages that they could use, too."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _checked(trained: Trained, seed: int) -> tuple[Program, Route | None, int, float]:
    """Return the program that predicts what the run did, its route, on how many rows that was
    looked at, and the largest difference.
    """
    rows, known_NO = _predictions(trained, seed)
    table = read_compact(trained.table, trained.data / "manifest.json")
    inputs = inputs_at(table.inputs, rows)
    largest, best = np.maximum(1, np.abs(known_NO).max(axis=0)), np.inf
    for route in trained.routes(seed):
        program = program_of(trained, seed, route)
        said_NO = predict(program, inputs)
        difference = float((np.abs(said_NO - known_NO) / largest).max())
        if difference <= _TOLERANCE:
            return program, route, len(rows), difference
        best = min(best, difference)
    raise RecordError(
        f"{trained.run.folder}: the weights do not give the predictions of the run (they differ by "
        f"{best:.2g}); its search, or the code, may have changed since: delete the run and make it "
        f"again: `.venv/bin/snakemake --cores 1 {trained.run.folder}/run.json`"
    )


def _predictions(trained: Trained, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return rows of the table and what the run predicted for them, [N, O]."""
    file = trained.run.folder / "predictions.parquet"
    trained.run.record.check(file)
    columns = [c for output in outputs_of(trained.manifest.tasks) for c in output.columns]
    frame: pd.DataFrame = pq.read_table(
        file, columns=["row", *columns], filters=[("seed", "==", seed)]
    ).to_pandas()
    frame = frame.head(MOST_CHECKED)
    return frame["row"].to_numpy(np.int64), frame[columns].to_numpy(np.float64)


def inputs_at(inputs: Inputs, rows: NDArray[np.int64]) -> list[torch.Tensor]:
    """Return the inputs of a program for some rows of a prepared table."""
    layout, found = inputs.layout, []
    if layout.num_columns:
        found.append(torch.from_numpy(inputs.ids[rows].astype(np.int64)))
    if inputs.numbers is not None:
        found.append(torch.from_numpy(np.array(inputs.numbers[rows])))
    for places, matrix in inputs.features:
        at = places[rows]
        features = matrix[np.maximum(at, 0)]
        features[at < 0] = np.nan
        found.append(torch.from_numpy(features))
    return found


@torch.no_grad()
def predict(program: torch.nn.Module, inputs: Sequence[torch.Tensor]) -> NDArray[np.float64]:
    """Return predictions [B, O]."""
    predicted: NDArray[np.float64] = program(*inputs).numpy()
    return predicted


def _vocabulary(trained: Trained) -> NDArray[np.int32]:
    """Return the hashed id of every row of the embedding table."""
    file = vocabulary_file(trained.table)
    trained.manifest.check(file)
    known = pq.read_table(file, columns=["hashed_id", "id"])
    found = np.zeros(trained.manifest.num_ids, np.int32)
    found[known["id"].to_numpy()] = known["hashed_id"].to_numpy()
    return found


def _encoding(trained: Trained, program: Program) -> Encoding:
    facts, layout = trained.manifest, trained.manifest.layout
    means = [model.mean_D.tolist() for model in program.models]
    spreads = [model.spread_D.tolist() for model in program.models]
    rows, definition = facts.num_ids + bool(layout.bags), definition_of(facts.spec)
    return Encoding(
        dataset=facts.dataset,
        title=facts.title,
        fields=tuple(
            EncodedField(name=f.name, kind=f.kind, column=f.column, help=f.help)
            for f in map(without_places, facts.fields)
        ),
        texts=Texts(missing=missing_of(definition)),
        hash=Hash(modulus=facts.num_features),
        unseen=rows,
        padding=facts.num_ids if layout.bags else None,
        inputs=tuple(input_names(layout)),
        singles=singles_of(facts.fields, layout),
        bags=layout.bags,
        numbers=tuple(
            EncodedNumber(
                name=number.name,
                has_missing=number.has_missing,
                mean=tuple(mean[d] for mean in means),
                spread=tuple(s[d] if np.isfinite(s[d]) else None for s in spreads),
            )
            for d, number in enumerate(layout.numbers)
        ),
        features=layout.features,
        outputs=outputs_of(facts.tasks),
        sources=facts.sources,
        computed=computed(facts.spec, {field.name for field in facts.fields}),
        definition=definition,
    )
