"""Predict the tasks of new rows with an exported model.

Rows are read as those that the model was trained on: CSV and its relatives, JSON lines, Parquet;
.gz, .bz2, .zst. Labels are not needed. Rows keep their order. A row with a value that cannot be
read is counted and has null for predictions; a broken row is counted and left out.

Examples:
  mtnas score models/mmoe rows.csv --out predictions.parquet
  mtnas score models/mmoe part-*.jsonl --out predictions.parquet --keep user_id --keep item_id
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
    keep = "hand on a column of DATA as it is in the file; may be given several times"
    command.add_argument("--keep", metavar="COLUMN", action="append", default=[], help=keep)
    source = "which source of the dataset the rows are of, where it has several"
    command.add_argument("--source", metavar="NAME", help=source)
    files = {
        "--features": ("FIELD", "the features of these rows, of a field with a file of its own"),
        "--join": ("NAME", "the table that is joined under this name, instead of the dataset's"),
    }
    for option, (what, text) in files.items():
        pair = f"{what}=FILE"
        command.add_argument(option, metavar=pair, action="append", default=[], help=text)


def run(arguments: argparse.Namespace) -> None:
    """Write the predictions; say what was counted."""
    from mtnas.export.score import score

    scored = score(
        arguments.folder,
        arguments.data,
        arguments.out,
        source=arguments.source,
        features=_pairs("--features", arguments.features),
        joins=_pairs("--join", arguments.join),
        keep=arguments.keep,
    )
    print("\n".join(scored.lines()))
    print(f"Written: {arguments.out}")


def _pairs(option: str, given: list[str]) -> dict[str, Path]:
    """Return files by what they are for."""
    from mtnas.runtime.errors import ConfigError

    found = {}
    for pair in given:
        name, sign, file = pair.partition("=")
        if not (name and sign and file):
            raise ConfigError(f"{option} {pair}: write NAME=FILE, such as cover=covers.parquet")
        found[name] = Path(file)
    return found
