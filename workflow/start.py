"""What `mtnas run` becomes: Snakemake, whose errors in what was typed are one line.

Exit status 2: options; 1: a key of `--config`, or a target that nothing makes; else Snakemake's.
"""

import logging
import sys
from pathlib import Path
from typing import NoReturn

from snakemake import cli
from snakemake.logging import logger

from mtnas.runtime.errors import MtnasError, printable
from mtnas.study.ask import check_study

CHECKOUT = Path(__file__).parents[1]
HELP = "see mtnas run --help"


def refuse(message: str, status: int = 2) -> NoReturn:
    """End with one line."""
    print(f"ConfigError: {printable(message)}; {HELP}", file=sys.stderr)
    sys.exit(status)


def shorten(record: logging.LogRecord) -> bool:
    """Tell of a target that nothing makes in one line."""
    if getattr(record, "exception", "") == "MissingRuleException":
        first = str(record.msg).partition("No rule to produce ")[2].partition(" (if you use")[0]
        if first:
            record.msg = f"ConfigError: {first}: no rule and no file that this study makes; {HELP}"
    return True


def main() -> None:
    """Check what was typed, then run Snakemake."""
    parser = cli.get_argument_parser()
    parser.error = refuse
    typed = parser.parse_args()
    if typed.config:
        try:
            check_study(typed.configfile or [], CHECKOUT, cli.parse_config(typed.config))
        except (MtnasError, ValueError) as error:
            refuse(str(error), 1)
    logger.addFilter(shorten)
    cli.main()


if __name__ == "__main__":
    main()
