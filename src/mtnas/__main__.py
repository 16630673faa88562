"""`mtnas`: look at a table; ask which tasks should share; keep generated files in step."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mtnas.runtime.errors import MtnasError

PUBLISHED = "results/published"

Handler = Callable[[argparse.Namespace], None]


def describe(arguments: argparse.Namespace) -> None:
    """Tell what the columns of a table hold and could be, and draft a dataset of it."""
    from mtnas.data.describe.draft import draft, write
    from mtnas.data.describe.look import look
    from mtnas.data.describe.proposal import task_ideas
    from mtnas.data.describe.text import described

    seen = look(arguments.files, delimiter=arguments.delimiter, encoding=arguments.encoding)
    ideas = task_ideas(seen.table)
    print("\n".join(described(seen, ideas)), end="\n\n")
    text = draft(seen, ideas)
    if arguments.write is None:
        print("A draft (--write config/datasets/NAME.yaml keeps it):", text, sep="\n\n")
    else:
        write(text, arguments.write)
        print(f"Written: {arguments.write}. Correct it; docs/adding-a-dataset.md has every key.")


def diagnose(arguments: argparse.Namespace) -> None:
    """Measure which tasks of a dataset should share a model, and recommend it."""
    from mtnas.study.ask import diagnosed

    print(diagnosed(arguments.dataset, arguments.cores, arguments.configfile), end="")


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


COMMANDS: dict[str, Handler] = {
    "describe": describe,
    "diagnose": diagnose,
    "schema": schema,
    "readme": readme,
    "unpublish": unpublish,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line: one subcommand per entry of `COMMANDS`."""
    top = argparse.ArgumentParser(prog="mtnas", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, handler in COMMANDS.items():
        help_line = (handler.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=help_line, description=handler.__doc__)
        command.set_defaults(handler=handler)
        if name == "unpublish":
            command.add_argument("names", nargs="+", metavar="NAME")
        if name == "describe":
            _add_describe(command)
        if name == "diagnose":
            _add_diagnose(command)
    return top


def _add_describe(command: argparse.ArgumentParser) -> None:
    """Add what `describe` takes."""
    files = "the files of one table: CSV and its relatives, JSON lines or Parquet; .gz, .bz2, .zst"
    command.add_argument("files", nargs="+", metavar="FILE", type=Path, help=files)
    command.add_argument("--delimiter", help="between two values; default: guessed")
    command.add_argument("--encoding", help="such as latin-1; default: guessed")
    draft = "keep the draft as config/datasets/NAME.yaml; a file that is there is never replaced"
    command.add_argument("--write", metavar="YAML", type=Path, help=draft)


def _add_diagnose(command: argparse.ArgumentParser) -> None:
    """Add what `diagnose` takes."""
    command.add_argument("dataset", metavar="DATASET", help="its name in the configuration")
    command.add_argument(
        "--cores", type=int, default=1, metavar="N", help="of Snakemake; default 1"
    )
    files = "overlays over config/config.yaml, such as config/diagnose.yaml; later ones win"
    command.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help=files,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; a known error is one line on stderr and exit status 1."""
    chosen = parser().parse_args(arguments)
    try:
        chosen.handler(chosen)
        sys.stdout.flush()
    except MtnasError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
