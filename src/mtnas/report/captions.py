"""What written tables and figures say of themselves, as reStructuredText for Snakemake's report."""

import re
from pathlib import Path

from mtnas.report.render.style import caption_in

_MARKUP = re.compile(r"([\\*`|_])")


def caption_of(path: str | Path) -> str:
    """Return the caption that a figure (.png) carries, or the title and notes of a table (.md).

    What is not written yet has none.
    """
    path = Path(path)
    if not path.is_file():
        return ""
    return _escaped(caption_in(path)) if path.suffix == ".png" else _of_table(path)


def _of_table(path: Path) -> str:
    """Return what is neither a row of a table nor the title of a part of it, without Markdown."""
    lines = path.read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if line and not line.startswith(("|", "####"))]
    plain = (re.sub(r"\\(.)", r"\1", line.removeprefix("### ")) for line in told)
    return "\n\n".join(map(_escaped, plain))


def _escaped(text: str) -> str:
    """Let no sign of a text be markup."""
    return _MARKUP.sub(r"\\\1", text)
