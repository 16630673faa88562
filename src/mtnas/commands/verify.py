"""Check results: digests, scores against predictions, tables and verdicts against scores.

FOLDER is what a study left (default: results), or results/published. Nothing is changed. What
cannot be checked is named, too. The exit status is 1 if anything is wrong.

Examples:
  mtnas verify
  mtnas verify results/published
"""

import argparse
from pathlib import Path

GROUP = "Checks"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the folder."""
    command.add_argument(
        "folder", nargs="?", type=Path, default=Path("results"), metavar="FOLDER", help="of results"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print what is right, what could not be checked, and what is wrong."""
    from mtnas.report.verify import verify
    from mtnas.runtime.errors import RecordError

    outcome = verify(arguments.folder)
    print(outcome.text())
    if outcome.wrong:
        number = len(outcome.wrong)
        what = "one thing is" if number == 1 else f"{number} things are"
        raise RecordError(f"{arguments.folder}: {what} wrong, named above with the remedy")
