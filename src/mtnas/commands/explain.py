"""Draw a sharing route as text, and say in words which tasks share which sub-networks.

A ROUTE is a routes.json or the folder of a search, its name DATASET/METHOD/VARIANT below
results/routes, or the route itself as JSON.

Examples:
  mtnas explain movielens/mtnas/paper
  mtnas explain results/routes/movielens/mtnas/paper/routes.json --seed 3
  mtnas explain '{"t0": {"values": ["s1", "s2"]}, "t1": {"values": ["s2"]}}'
"""

import argparse

GROUP = "Questions and answers"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the route."""
    command.add_argument("route", metavar="ROUTE", help="a file, a folder, a name, or JSON")
    command.add_argument("--seed", type=int, metavar="N", help="of a search; default: its first")


def run(arguments: argparse.Namespace) -> None:
    """Print the drawing and the sentences."""
    from pathlib import Path

    from mtnas.report.explained import explained_search, explained_text
    from mtnas.study.places import folder_of, is_file

    given = arguments.route
    if given.lstrip().startswith("{"):
        print(explained_text(given))
    elif given.endswith(".json") and is_file(given):
        print(explained_search(Path(given), arguments.seed))
    else:
        path = folder_of(given, "routes", "routes.json") / "routes.json"
        print(explained_search(path, arguments.seed))
