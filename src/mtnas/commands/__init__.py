"""The subcommands of `mtnas`: one file each, found by its name.

A file has a docstring (its first line is the help line; examples come last, behind `Examples:`),
`add_arguments(command)`, which tells argparse what the command takes, and `run(arguments)`, which
raises a `MtnasError` for what a user can cure. What takes time to import is imported in `run`.
`GROUP` says under which heading of `mtnas --help` it stands; `PASSES_ON = True`, that its options
are those of another program.
"""

import sys
from types import ModuleType

from mtnas.runtime import plugins

GROUPS = (
    "Your own tables",
    "Studies",
    "Questions and answers",
    "Trained models",
    "Checks",
    "Generated files",
    "More",  # of files without a `GROUP`
)


def names() -> tuple[str, ...]:
    """Name all subcommands, without importing their files."""
    return plugins.available(sys.modules[__name__])


def load(name: str) -> ModuleType:
    """Import the file of one; `ConfigError` with the nearest name if there is none."""
    return plugins.load(sys.modules[__name__], name, kind="command", where="mtnas")


def grouped() -> dict[str, dict[str, ModuleType]]:
    """Return the files of all subcommands by their names, under the headings that have some."""
    modules = {name: load(name) for name in names()}
    groups = {group: dict[str, ModuleType]() for group in GROUPS}
    for name, module in modules.items():
        groups[getattr(module, "GROUP", GROUPS[-1])][name] = module
    return {group: own for group, own in groups.items() if own}


def summary(module: ModuleType) -> str:
    """Return the help line of a subcommand."""
    return (module.__doc__ or "").partition("\n")[0]
