"""Pipe tables of Markdown; `markdown` reads them."""

import re
from collections.abc import Iterable, Sequence

LEFT, RIGHT = ":--", "--:"


def table(
    head: Sequence[str], rows: Iterable[Iterable[object]], aligned: Sequence[str] | None = None
) -> str:
    """Render a table whose cells are Markdown; numbers, in all columns but the first, stand right.

    `aligned`: LEFT or RIGHT for every column, if that is not so.
    """
    rule = aligned or [LEFT, *[RIGHT] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, rule, *rows))


def escaped(text: str) -> str:
    """Escape what Markdown would read as markup; a text of several lines becomes one."""
    return re.sub(r"([\\|*<>`])", r"\\\1", re.sub(r"[\r\n]+", " ", text))
