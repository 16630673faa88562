"""Look whether this machine can run a study: software, hardware, SLURM, raw data.

Every line is ok, warn or fail; what is not ok names its remedy. The exit status is 1 if one fails.

Examples:
  mtnas doctor
  mtnas doctor config/bookcrossing.yaml      the raw data of another study
"""

import argparse
from pathlib import Path

GROUP = "Checks"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add overlays, whose datasets are looked at."""
    files = "overlays over config/config.yaml"
    command.add_argument("overlays", nargs="*", type=Path, metavar="CONFIG", help=files)


def run(arguments: argparse.Namespace) -> None:
    """Print a line per check."""
    from mtnas.commands import _checks, _raw_data
    from mtnas.runtime.errors import ConfigError

    checks = [
        _checks.of_python(),
        *_checks.of_packages(),
        *_checks.of_torch(),
        *_checks.of_machine(Path()),
        _checks.of_numba(),
        _checks.of_cache(),
        _checks.of_slurm(),
        *_raw_data.of_study(arguments.overlays),
    ]
    print("\n".join(check.text() for check in checks))
    failed = sum(check.level == "fail" for check in checks)
    if failed:
        raise ConfigError(f"{failed} of {len(checks)} checks fail; each names its remedy above")
