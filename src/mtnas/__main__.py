"""`python -m mtnas`: keep generated files in step with the code and the results."""

import argparse
import sys
from collections.abc import Callable, Sequence

from mtnas.runtime.errors import MtnasError

PUBLISHED = "results/published"

Handler = Callable[[argparse.Namespace], None]


def schema(arguments: argparse.Namespace) -> None:
    """Write config/schemas/config.schema.json and the key reference in config/README.md."""
    from mtnas.config.reference import write

    for path in write():
        print(path)


def readme(arguments: argparse.Namespace) -> None:
    """Write the numbers of results/published into README.md and docs."""
    from mtnas.report.published.documents import refresh
    from mtnas.runtime.provenance import REPOSITORY

    documents = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    for path in refresh(documents, REPOSITORY / PUBLISHED):
        print(path)


def unpublish(arguments: argparse.Namespace) -> None:
    """Take datasets or runs (dataset/method/variant) out of results/published."""
    from mtnas.report.published.publish import unpublish
    from mtnas.runtime.provenance import REPOSITORY

    unpublish(REPOSITORY / PUBLISHED, arguments.names)


COMMANDS: dict[str, Handler] = {"schema": schema, "readme": readme, "unpublish": unpublish}


def parser() -> argparse.ArgumentParser:
    """Return the command line: one subcommand per entry of `COMMANDS`."""
    top = argparse.ArgumentParser(prog="python -m mtnas", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, handler in COMMANDS.items():
        help_line = (handler.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=help_line, description=handler.__doc__)
        command.set_defaults(handler=handler)
        if name == "unpublish":
            command.add_argument("names", nargs="+", metavar="NAME")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; a known error is one line on stderr and exit status 1."""
    chosen = parser().parse_args(arguments)
    try:
        chosen.handler(chosen)
    except MtnasError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
