"""Measure which tasks of a dataset should share a model, and recommend it.

Example:
  mtnas diagnose movielens --cores 2
"""

import argparse
from pathlib import Path

GROUP = "Questions and answers"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the dataset, and what Snakemake is given."""
    command.add_argument("dataset", metavar="DATASET", help="its name in the configuration")
    command.add_argument(
        "--cores", type=int, default=1, metavar="N", help="of Snakemake; default 1"
    )
    files = "overlays over config/config.yaml, such as config/diagnose.yaml; later ones win"
    command.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help=files,
    )


def run(arguments: argparse.Namespace) -> None:
    """Run Snakemake for the recommendation of a dataset, and print it."""
    from mtnas.study.ask import diagnosed

    print(diagnosed(arguments.dataset, arguments.cores, arguments.configfile), end="")
