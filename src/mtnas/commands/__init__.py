"""The subcommands of `mtnas`: one file each, found by its name.

A file has a docstring (its first line is the help line, the rest is shown by `--help`),
`add_arguments(command)`, which tells argparse what the command takes, and `run(arguments)`, which
raises a `MtnasError` for what a user can cure. What takes time to import is imported in `run`.
`GROUP` says under which heading of `mtnas --help` it stands (`mtnas.__main__.GROUPS`).
"""
