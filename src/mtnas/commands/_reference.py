"""docs/command-line.md: every subcommand, from its docstring and its arguments."""

import argparse
from collections.abc import Iterator
from types import ModuleType

from mtnas import commands

DOCUMENT = "docs/command-line.md"
HEAD = """\
# Command line

<!-- Written by `mtnas readme` from src/mtnas/commands; a test compares. -->

`make setup` installs `.venv/bin/mtnas`. An error is one line, the last one; the exit status is 1.

"""


def text() -> str:
    """Return the document."""
    parts = [HEAD]
    for group, own in commands.grouped().items():
        parts += [f"## {group}\n\n"]
        parts += [_of_command(name, module) for name, module in own.items()]
    return "".join(parts).rstrip() + "\n"


def _of_command(name: str, module: ModuleType) -> str:
    said, _, examples = (module.__doc__ or "").partition("\nExample")
    examples = examples.partition("\n")[2]
    lines = [f"### mtnas {name}", "", said.strip(), ""]
    shown = [line.removeprefix("  ") for line in examples.splitlines() if line]
    lines += _arguments(name, module)
    lines += ["```sh", *shown, "```"] if shown else []
    return "\n".join(lines) + "\n\n"


def _arguments(name: str, module: ModuleType) -> Iterator[str]:
    """Yield an item of a list for every argument, and an empty line."""
    command = argparse.ArgumentParser(prog=f"mtnas {name}", add_help=False)
    module.add_arguments(command)
    for action in command._actions:
        value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
        flags = ", ".join(action.option_strings)
        yield f"* `{' '.join(filter(None, [flags, value]))}`: {action.help or ''}"
    yield from [""] * bool(command._actions)
