"""Tell what the columns of a table hold and could be, and draft a dataset of it.

Example:
  mtnas describe ratings.csv --write config/datasets/ratings.yaml
"""

import argparse
from pathlib import Path

GROUP = "Your own tables"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the files of the table, and how to read them."""
    files = "the files of one table: CSV and its relatives, JSON lines or Parquet; .gz, .bz2, .zst"
    command.add_argument("files", nargs="+", metavar="FILE", type=Path, help=files)
    command.add_argument("--delimiter", help="between two values; default: guessed")
    command.add_argument("--encoding", help="such as latin-1; default: guessed")
    draft = "keep the draft as config/datasets/NAME.yaml; a file that is there is never replaced"
    command.add_argument("--write", metavar="YAML", type=Path, help=draft)


def run(arguments: argparse.Namespace) -> None:
    """Print what is in the table, and the draft; or keep the draft."""
    from mtnas.data.describe.draft import draft, write
    from mtnas.data.describe.look import look
    from mtnas.data.describe.proposal import task_ideas
    from mtnas.data.describe.text import described

    seen = look(arguments.files, delimiter=arguments.delimiter, encoding=arguments.encoding)
    ideas = task_ideas(seen.table)
    print("\n".join(described(seen, ideas)), end="\n\n")
    text = draft(seen, ideas)
    if arguments.write is None:
        print("A draft (--write config/datasets/NAME.yaml keeps it):", text, sep="\n\n")
    else:
        write(text, arguments.write)
        print(f"Written: {arguments.write}. Correct it; docs/adding-a-dataset.md has every key.")
        asked = f'datasets=["{arguments.write.stem}"]'
        print(f"Then learn which sharing to use: mtnas run --config '{asked}'")
