"""Where quotes open and close in text tables, line by line."""

from collections.abc import Iterable, Iterator


def opens(line: str, inside: bool, quote: str, delimiter: str) -> bool:
    """Tell whether a quote is open at the end of a line; `inside`: one was at its beginning."""
    position = 0
    if not inside and line.lstrip(" ").startswith(quote):
        inside, position = True, line.index(quote) + 1
    while True:
        if inside:
            position = line.find(quote, position) + 1
            if position == 0:
                return True
            if line.startswith(quote, position):  # doubled: a quote inside quotes
                position += 1
                continue
            inside = False
        position = line.find(delimiter, position) + 1
        if position == 0:
            return False
        start = position
        while line.startswith(" ", start):
            start += 1
        if line.startswith(quote, start):
            inside, position = True, start + 1


def without_comments(
    blocks: Iterable[str], comment: str, quote: str | None, delimiter: str
) -> Iterator[str]:
    """Leave out lines that begin with `comment`, unless that is inside quotes."""
    inside = False
    for block in blocks:
        if comment not in block and (quote is None or quote not in block):
            yield block
            continue
        kept = []
        for line in block.removesuffix("\n").split("\n"):
            if inside or not line.startswith(comment):
                kept.append(line)
                inside = quote is not None and opens(line, inside, quote, delimiter)
        if kept:
            yield "\n".join([*kept, ""])


def looks_like_rows(value: str, index: int, width: int, delimiter: str) -> bool:
    """Tell whether a value of several lines is what a stray quote makes of whole rows.

    Every line then has as many values as the table has columns. `index` is the column in which the
    value begins.
    """
    first, *inner = value.split("\n")
    last = inner.pop()
    found = [index + first.count(delimiter), last.count(delimiter)]
    fits = sum(line.count(delimiter) == width - 1 for line in inner)
    return (
        width > 1
        and len(inner) > 0
        and found[0] == width - 1
        and found[1] > 0
        and 2 * fits > len(inner)
    )
