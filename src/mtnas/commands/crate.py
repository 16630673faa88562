"""Write a finished study as a Workflow Run RO-Crate, for archives and other programs.

The crate is a folder: the workflow, the results, and ro-crate-metadata.json, which tells of every
file its SHA-256 and of every job its inputs, outputs, versions, hardware, time and memory. Data
sets are described, not copied. Needs the packages of mtnas[crate].

Examples:
  mtnas crate --out crate
  mtnas crate results --out crate --agent 'Ada Lovelace'
"""

import argparse
import getpass
from pathlib import Path

GROUP = "Studies"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument(
        "folder", nargs="?", type=Path, default=Path("results"), metavar="FOLDER", help="of results"
    )
    out = "a folder that is not there yet"
    command.add_argument("--out", metavar="FOLDER", type=Path, required=True, help=out)
    who = "who ran the study; default: the name of this user on this machine"
    command.add_argument("--agent", metavar="NAME", help=who)


def run(arguments: argparse.Namespace) -> None:
    """Write the crate and say how much is in it."""
    from mtnas.report.crate.write import write_crate

    agent = arguments.agent or getpass.getuser()
    actions = write_crate(arguments.folder, arguments.out, agent)
    print(f"{arguments.out}: {actions} actions, run by {agent}")
