"""Run a study, show how far it is, and end with its answer.

CONFIG are overlays over config/config.yaml, files that end in .yaml; later ones win. Other
words are targets: rules, or files that the workflow makes. Every option is handed on to Snakemake.
Without --cores, all cores are used.

Examples:
  mtnas run                                             the default study
  mtnas run config/test.yaml --cores 2                  the smallest one
  mtnas run config/test.yaml -n                         what would be done
  mtnas run config/bookcrossing.yaml --config bookcrossing_raw=FOLDER
  mtnas run --workflow-profile profiles/slurm           on a SLURM cluster
  mtnas run publish config/test.yaml                    another target
"""

import argparse
import os
import sys
from pathlib import Path

GROUP = "Studies"
PASSES_ON = True  # options belong to another program


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add overlays, targets and options: they are told apart by how they look."""
    words = "overlays (.yaml), targets, and options of Snakemake"
    command.add_argument("words", nargs="*", metavar="CONFIG", help=words)


def run(arguments: argparse.Namespace) -> None:
    """Become Snakemake: its exit status is ours, and Ctrl-C reaches it."""
    from mtnas.runtime.job import QUIET, use_this_checkout
    from mtnas.runtime.provenance import REPOSITORY
    from mtnas.study.ask import check_files, check_study, snakemake
    from mtnas.study.command_line import is_plain, says_cores, sets_keys, sorted_out

    given = sorted_out(arguments.words)
    overlays = [Path(name) for name in given.overlays]
    check_files(overlays, REPOSITORY)
    if not sets_keys(given.options):  # they may mend what a file says
        check_study(overlays, REPOSITORY)
    use_this_checkout()
    display: list[str] = []
    if not is_plain(given.options):
        display = ["--logger", "mtnas"]
        os.environ[QUIET] = "1"
    cores = [] if says_cores(given.options) else ["--cores", "all"]
    given.options[:0] = [*cores, *display]  # behind the targets: --logger would take one
    command = [*snakemake(REPOSITORY), *given.arguments()]
    sys.stdout.flush()
    os.execv(command[0], command)
