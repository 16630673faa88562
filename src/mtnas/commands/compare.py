"""Compare two runs seed by seed: differences, their intervals, a verdict in words.

A RUN is a folder, or its name DATASET/METHOD/VARIANT below results/runs. Runs of other data or
other splits, or without a common seed, are refused: their difference would mean nothing.

Examples:
  mtnas compare movielens/mtnas/paper movielens/mmoe/paper
  mtnas compare results/runs/movielens/mmoe/paper ~/other/results/runs/movielens/mmoe/paper
"""

import argparse

GROUP = "Questions and answers"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the two runs."""
    command.add_argument("first", metavar="RUN", help="ours: what is gained is ours minus other")
    command.add_argument("second", metavar="RUN", help="the other")


def run(arguments: argparse.Namespace) -> None:
    """Print the comparison."""
    from mtnas.evidence.records import read_run
    from mtnas.report.compared import compared
    from mtnas.study.places import folder_of

    given = (arguments.first, arguments.second)
    first, second = (read_run(folder_of(name, "runs", "run.json")) for name in given)
    print(compared(first, second))
