"""Take datasets or runs (dataset/method/variant) out of results/published.

Examples:
  mtnas unpublish insteval
  mtnas unpublish movielens/mmoe/paper
"""

import argparse

from mtnas.runtime import provenance

GROUP = "Generated files"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the names of what is taken out."""
    command.add_argument(
        "names", nargs="+", metavar="NAME", help="DATASET or DATASET/METHOD/VARIANT"
    )


def run(arguments: argparse.Namespace) -> None:
    """Take them out, and rebuild tables, claims and figures from what stays."""
    from mtnas.report.published.publish import unpublish

    unpublish(provenance.REPOSITORY / "results/published", arguments.names)
