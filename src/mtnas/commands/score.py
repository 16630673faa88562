"""Predict the tasks of new rows with an exported model.

    mtnas score models/mmoe rows.csv --out predictions.parquet
    mtnas score models/mmoe part-*.jsonl --out predictions.parquet --keep user_id --keep item_id

Rows are read as those that the model was trained on: CSV and its relatives, JSON lines, Parquet;
.gz, .bz2, .zst. Labels are not needed. Rows keep their order; a row that cannot be read is counted
and has no prediction.
"""

import argparse
from pathlib import Path

GROUP = "Trained models"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    folder = "what `mtnas export` has written"
    command.add_argument("folder", metavar="FOLDER", type=Path, help=folder)
    data = "files of one table with the columns that the dataset is read from"
    command.add_argument("data", metavar="DATA", nargs="+", type=Path, help=data)
    out = "the file of predictions, a column per task (and class)"
    command.add_argument("--out", metavar="PARQUET", type=Path, required=True, help=out)
    keep = "hand on a column of DATA as text; may be given several times"
    command.add_argument("--keep", metavar="COLUMN", action="append", default=[], help=keep)
    source = "which source of the dataset the rows are of, where it has several"
    command.add_argument("--source", metavar="NAME", help=source)
    features = "the features of these rows, of a field that is read from a file of its own"
    command.add_argument(
        "--features", metavar="FIELD=FILE", action="append", default=[], help=features
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the predictions; say what was counted."""
    from mtnas.export.score import score

    scored = score(
        arguments.folder,
        arguments.data,
        arguments.out,
        source=arguments.source,
        features=dict(map(_pair, arguments.features)),
        keep=arguments.keep,
    )
    print("\n".join(scored.lines()))
    print(f"Written: {arguments.out}")


def _pair(given: str) -> tuple[str, Path]:
    """Return a field and its file."""
    from mtnas.runtime.errors import ConfigError

    field, sign, file = given.partition("=")
    if not (field and sign and file):
        raise ConfigError(f"--features {given}: write FIELD=FILE, such as cover=covers.parquet")
    return field, Path(file)
