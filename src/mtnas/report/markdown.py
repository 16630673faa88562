"""The Markdown that `writers` writes, as HTML. Whatever is not markup is escaped."""

import html
import re
from itertools import groupby

_PRIVATE = 0xE000  # private-use characters stand in for escaped ones while markup is read


def to_html(text: str) -> str:
    """Render headings, paragraphs and pipe tables with bold, italic and `<br>` inside."""
    parts = []
    for block in re.split(r"\n\s*\n", text.strip()):
        heading = re.fullmatch(r"(#{1,6}) (.+)", block)
        if heading:
            level = len(heading[1])
            parts.append(f"<h{level}>{inline(heading[2])}</h{level}>")
        elif block.startswith("|"):
            parts.append(_table(block.splitlines()))
        elif block:
            parts.append(f"<p>{inline(' '.join(block.splitlines()))}</p>")
    return "\n".join(parts)


def inline(text: str) -> str:
    """Render one line: escapes, **bold**, *italic*, `<br>`."""
    text = re.sub(r"\\([\\|*<>`])", lambda m: chr(_PRIVATE + ord(m[1])), text)
    text = html.escape(text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)
    text = text.replace("&lt;br&gt;", "<br>")
    return re.sub("[\ue000-\ue07f]", lambda m: html.escape(chr(ord(m[0]) - _PRIVATE)), text)


def _table(lines: list[str]) -> str:
    """Render a pipe table: headings, a line of dashes, rows; the first column is a heading."""
    head, _, *rows = ([c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines)
    body = "\n".join(
        f'<tr><th scope="row">{inline(row[0])}</th>'
        + "".join(f"<td>{inline(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table>\n<thead>{_head(head)}</thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _head(cells: list[str]) -> str:
    """Render the headings; `group<br>label` becomes a heading over its columns."""
    corner, *columns = cells
    split = [cell.split("<br>", 1) for cell in columns]
    if not all(len(parts) == 2 for parts in split):
        return f"<tr>{''.join(f'<th>{inline(cell)}</th>' for cell in cells)}</tr>"
    groups = [(name, len(list(same))) for name, same in groupby(parts[0] for parts in split)]
    over = "".join(f'<th class="group" colspan="{n}">{inline(g)}</th>' for g, n in groups)
    labels = "".join(f"<th>{inline(parts[1])}</th>" for parts in split)
    return f'<tr><th rowspan="2">{inline(corner)}</th>{over}</tr>\n<tr>{labels}</tr>'
