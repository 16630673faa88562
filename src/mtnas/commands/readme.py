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

    if not _reference.DOCUMENT.is_file() or _reference.DOCUMENT.read_text() != _reference.text():
        write_text(_reference.DOCUMENT, _reference.text())
        print(_reference.DOCUMENT)

    documents = [
        provenance.REPOSITORY / "README.md",
        *sorted((provenance.REPOSITORY / "docs").glob("*.md")),
    ]
    for path in refresh(documents, provenance.REPOSITORY / PUBLISHED):
        print(path)
