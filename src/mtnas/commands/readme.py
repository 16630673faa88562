"""Write the numbers of results/published into README.md and docs.

Example:
  mtnas readme
"""

import argparse

from mtnas.runtime.provenance import REPOSITORY

GROUP = "Generated files"
PUBLISHED = "results/published"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add nothing: it takes no arguments."""


def run(arguments: argparse.Namespace) -> None:
    """Write the documents and name those that changed."""
    from mtnas.report.published.documents import refresh

    documents = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    for path in refresh(documents, REPOSITORY / PUBLISHED):
        print(path)
