"""Look at a table, run a study, ask which tasks should share, check what it left."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from mtnas import commands
from mtnas.runtime.errors import ConfigError, MtnasError, unknown
from mtnas.runtime.plugins import available

GROUPS = (
    "Your own tables",
    "Studies",
    "Questions and answers",
    "Trained models",
    "Checks",
    "Generated files",
    "More",
)
EXAMPLES = """\
examples:
  mtnas describe ratings.csv --write config/datasets/ratings.yaml
  mtnas diagnose movielens --cores 2
"""


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line that ends with where help is."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise ConfigError(f"{self.prog}: {message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """Return the command line: one subcommand per file of `mtnas.commands`."""
    modules = {name: load(name) for name in available(commands)}
    top = Parser(
        prog="mtnas",
        usage="mtnas COMMAND ...",
        description=_summary(__doc__),
        epilog=f"{_overview(modules)}\n\n{EXAMPLES}\nmtnas COMMAND --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subcommands = top.add_subparsers(
        prog="mtnas", dest="command", metavar="COMMAND", help=argparse.SUPPRESS
    )
    for name, module in modules.items():
        command = subcommands.add_parser(
            name,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return top


def load(name: str) -> ModuleType:
    """Import the file of one subcommand."""
    return importlib.import_module(f"{commands.__name__}.{name}")


def _overview(modules: dict[str, ModuleType]) -> str:
    """Return the help lines of all commands under the headings of their groups."""
    lines: list[str] = []
    for group in GROUPS:
        of_group = {n: m for n, m in modules.items() if getattr(m, "GROUP", GROUPS[-1]) == group}
        if of_group:
            lines += ["", f"{group}:"]
            lines += [f"  {name:<10} {_summary(m.__doc__)}" for name, m in of_group.items()]
    return "\n".join(lines[1:])


def _summary(docstring: str | None) -> str:
    return (docstring or "").partition("\n")[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; a known error is one line on stderr and exit status 1."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        chosen = _parsed(given)
        chosen.run(chosen)
        sys.stdout.flush()
    except MtnasError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _parsed(given: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; without any, help is shown."""
    names = available(commands)
    if given and not given[0].startswith("-") and given[0] not in names:
        raise ConfigError(unknown("command", given[0], names, "mtnas"))
    return parser().parse_args(given or ["--help"])


if __name__ == "__main__":
    sys.exit(main())
