"""Write config/schemas/config.schema.json and the key reference in config/README.md.

Example:
  mtnas schema
"""

import argparse

GROUP = "Generated files"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add nothing: it takes no arguments."""


def run(arguments: argparse.Namespace) -> None:
    """Write the files and name them."""
    from mtnas.config.reference import write

    for path in write():
        print(path)
