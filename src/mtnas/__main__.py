"""Look at a table, run a study, ask which tasks should share, check what it left."""

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from mtnas import commands
from mtnas.runtime.errors import ConfigError, MtnasError, of_machine, printable

EXAMPLES = """\
examples:
  mtnas run                                                         the default study
  mtnas describe ratings.csv --write config/datasets/ratings.yaml   a table of your own
  mtnas diagnose movielens --cores 2                                which tasks should share

mtnas COMMAND --help tells more; docs/command-line.md has all of it.
"""


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line that ends with where help is."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise ConfigError(f"{self.prog}: {message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """Return the command line: one subcommand per file of `mtnas.commands`."""
    groups, style = commands.grouped(), argparse.RawDescriptionHelpFormatter
    top = Parser(
        prog="mtnas",
        usage="mtnas COMMAND ...",
        description=(__doc__ or ""),
        epilog=f"{_overview(groups)}\n\n{EXAMPLES}",
        formatter_class=style,
    )
    subcommands = top.add_subparsers(
        prog="mtnas", dest="command", metavar="COMMAND", help=argparse.SUPPRESS
    )
    for name, module in [item for own in groups.values() for item in own.items()]:
        command = subcommands.add_parser(
            name, description=module.__doc__, formatter_class=style, allow_abbrev=False
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return top


def _overview(groups: dict[str, dict[str, ModuleType]]) -> str:
    """Return the help lines of all commands under their headings."""
    parts = [
        "\n".join([f"{group}:", *(f"  {n:<10} {commands.summary(m)}" for n, m in own.items())])
        for group, own in groups.items()
    ]
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; a known error is one line on stderr and exit status 1."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        chosen = parser().parse_args(_prepared(given))
        chosen.run(chosen)
        sys.stdout.flush()
    except MtnasError as error:
        sys.stdout.flush()  # the error comes last
        print(f"{type(error).__name__}: {printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        told = of_machine(error)
        if told is None:
            raise
        print(f"mtnas: {printable(told)}", file=sys.stderr)
        return 1
    return 0


def _prepared(given: list[str]) -> list[str]:
    """Return arguments as the parser takes them; without any, help is shown.

    Raises:
        ConfigError: no such command.
    """
    if not given or given[0].startswith("-"):
        return given or ["--help"]
    name, *rest = given
    passes_on = getattr(commands.load(name), "PASSES_ON", False)
    if passes_on and not {"-h", "--help"} & set(rest):
        return [name, "--", *rest]
    return given


if __name__ == "__main__":
    sys.exit(main())
