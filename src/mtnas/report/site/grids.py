"""Tables of the page: a grid of cells with headings, from Markdown or from plain rows."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from markdown_it.token import Token
from markupsafe import Markup, escape

from mtnas.report.render.html import BREAK, html_of, parse, render

LEFT = "text-align:left"  # as the parser says it


@dataclass(frozen=True)
class Cell:
    """One cell: what it shows, where it links to, what is told when one points at it."""

    html: Markup
    text: str
    href: str = ""
    title: str = ""


@dataclass(frozen=True)
class Head:
    """A heading: what it says, the heading above it, whether its column holds words."""

    html: Markup
    text: str
    group: str = ""
    words: bool = False


@dataclass(frozen=True)
class Line:
    """A row: its cells, the first of which heads it; `id` and `dataset` where it has them."""

    cells: tuple[Cell, ...]
    id: str = ""
    dataset: str = ""


@dataclass(frozen=True)
class Grid:
    """A table without its title; `groups` are the headings over its columns, with their widths."""

    heads: tuple[Head, ...]
    rows: tuple[Line, ...]
    caption: str = ""
    quiet: bool = False  # the caption repeats what stands above: for screen readers alone
    name: str = ""  # which table of the page it is; without one, its caption

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Return the headings over the columns behind the first; none unless all have one."""
        names = [head.group for head in self.heads[1:]]
        if not names or not all(names):
            return []
        return [(name, len(list(of))) for name, of in groupby(names)]

    def html(self) -> Markup:
        """Return the table as HTML."""
        return render("table.html.j2", grid=self)


Link = Callable[[str, str, str], tuple[str, str]]  # row, column, text -> href, title


def no_link(row: str, column: str, text: str) -> tuple[str, str]:
    """Link no cell to anything."""
    return "", ""


def plain(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[str] = ()
) -> Grid:
    """Return a grid of plain texts; `words` names the columns that hold words."""
    return Grid(
        tuple(Head(escape(head), head, words=head in words) for head in heads),
        tuple(Line(tuple(Cell(escape(text), text) for text in row)) for row in rows),
        caption,
    )


def document(
    text: str, name: str, link: Link = no_link, datasets: Sequence[str] = ()
) -> tuple[str, list[Markup | Grid]]:
    """Return the title of a Markdown text (else `name`) and what it holds: words and grids.

    A heading of the fourth level in front of a table is its caption. A row or a caption that is
    named like one of the `datasets` is of that dataset.
    """
    tokens = parse(text)
    title = name
    if tokens and tokens[0].tag == "h3":
        title, tokens = _text(tokens[1]), tokens[3:]
    return title, _parts(tokens, title, link, datasets)


def _parts(
    tokens: list[Token], title: str, link: Link, datasets: Sequence[str]
) -> list[Markup | Grid]:
    parts: list[Markup | Grid] = []
    caption, number = "", 0
    several = [token.type for token in tokens].count("table_open") > 1
    while tokens:
        kinds = [token.type for token in tokens]
        if kinds[0] == "table_open":
            end = kinds.index("table_close") + 1
            grid = _of_dataset(_grid(tokens[:end], caption, link), datasets)
            number += 1
            if caption:
                parts.append(replace(grid, name=f"{title}: {caption}"))
            else:
                name = f"{title}, part {number}" if several else title
                parts.append(replace(grid, caption=title, quiet=True, name=name))
            caption = ""
        else:
            end = kinds.index("table_open") if "table_open" in kinds else len(kinds)
            words, caption = _without_caption(tokens[:end], followed=end < len(kinds))
            parts += [html_of(words)] * bool(words)
        tokens = tokens[end:]
    return parts


def _without_caption(tokens: list[Token], *, followed: bool) -> tuple[list[Token], str]:
    """Take the last heading of the fourth level off the words in front of a table."""
    is_caption = followed and len(tokens) >= 3 and tokens[-3].tag == "h4"
    return (tokens[:-3], _text(tokens[-2])) if is_caption else (tokens, "")


def _of_dataset(grid: Grid, datasets: Sequence[str]) -> Grid:
    """Say which dataset rows are of: that of the caption, or that of their first cell."""
    rows = []
    for row in grid.rows:
        named = [name for name in (grid.caption, row.cells[0].text) if name in datasets]
        rows.append(replace(row, dataset=named[0]) if named else row)
    return replace(grid, rows=tuple(rows))


def _grid(tokens: Sequence[Token], caption: str, link: Link) -> Grid:
    """Return the grid of a pipe table."""
    aligned = [token.attrGet("style") == LEFT for token in tokens if token.type == "th_open"]
    first, *others = _inlines(tokens)
    heads = [_head(token, words) for token, words in zip(first, aligned, strict=True)]
    rows = []
    for corner, *cells in others:
        label = _text(corner)
        found = [Cell(html_of([corner]), label)]
        for head, token in zip(heads[1:], cells, strict=True):
            text = _text(token)
            href, title = link(label, f"{head.group} {head.text}".strip(), text)
            found.append(Cell(html_of([token]), text, href, title))
        rows.append(Line(tuple(found)))
    return Grid(tuple(heads), tuple(rows), caption)


def _head(token: Token, words: bool) -> Head:
    """Return a heading; of `group<br>label` the first part stands above."""
    if BREAK not in token.content:
        return Head(html_of([token]), _text(token), words=words)
    group, label = re.split(BREAK, token.content, maxsplit=1)
    return Head(*_inline(label), group=_inline(group)[1], words=words)


def _inline(markdown: str) -> tuple[Markup, str]:
    """Return the HTML and the text of a line of Markdown."""
    inner = [token for token in parse(markdown) if token.type == "inline"]
    return html_of(inner), " ".join(map(_text, inner))


def _inlines(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the content of a table, row by row, the heading first."""
    rows: list[list[Token]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token)
    return rows


def _text(token: Token) -> str:
    """Return the words of a token without their markup."""
    parts = (
        child.content if child.type in ("text", "text_special") else " "
        for child in token.children or ()
        if child.type in ("text", "text_special", "softbreak") or child.content == BREAK
    )
    return "".join(parts).strip()
