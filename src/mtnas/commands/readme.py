"""Write the numbers of results/published into README.md and docs, and docs/command-line.md.

Example:
  mtnas readme
"""

import argparse

from mtnas.runtime import provenance

GROUP = "Generated files"
PUBLISHED = "results/published"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add nothing: it takes no arguments."""


def run(arguments: argparse.Namespace) -> None:
    """Write the documents and name those that changed."""
    from mtnas.commands import _reference
    from mtnas.report.published.documents import refresh
    from mtnas.runtime.files import write_text

    root = provenance.REPOSITORY
    reference = root / _reference.DOCUMENT
    if not reference.is_file() or reference.read_text(encoding="utf-8") != _reference.text():
        write_text(reference, _reference.text())
        print(reference)
    documents = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    for path in refresh(documents, root / PUBLISHED):
        print(path)
