"""Markdown as HTML, and templates. Whatever is not markup of ours is escaped."""

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).resolve().parents[1] / "site"
BREAK = "<br>"
LEFT = "text-align:left"  # as the parser says it
WORDS = Markup(' class="words"')  # of the cells of a column that may be broken into lines


def render(template: str, **values: Any) -> Markup:
    """Fill a template of `report/site`; values are escaped unless they are `Markup`."""
    return Markup(_templates().get_template(template).render(**values))


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def to_html(text: str) -> Markup:
    """Render headings, paragraphs and pipe tables with bold, italic and `<br>` inside.

    Headings `group<br>label` of a table become a heading over the columns of the group.
    """
    parts: list[str] = []
    tokens = _markdown().parse(text)
    while tokens:
        table = tokens[0].type == "table_open"
        kinds = [token.type for token in tokens]
        ends = "table_close" if table else "table_open"
        end = kinds.index(ends) + table if ends in kinds else len(tokens)
        parts.append(_table(tokens[:end]) if table else _html(tokens[:end]))
        tokens = tokens[end:]
    return Markup("".join(parts))


@cache
def _markdown() -> MarkdownIt:
    """Return a parser of the Markdown that `writers` writes: other signs are text."""
    parser = MarkdownIt("zero", {"html": True})
    parser.enable(["heading", "table", "emphasis", "escape", "html_inline"])
    parser.add_render_rule("html_inline", _break_alone)
    return parser


def _break_alone(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    """Let `<br>` be, and show any other tag as text."""
    content = tokens[index].content
    return content if content == BREAK else str(escape(content))


def _html(tokens: Sequence[Token]) -> str:
    parser = _markdown()
    return str(parser.renderer.render(tokens, parser.options, {}))


def _table(tokens: Sequence[Token]) -> str:
    """Render a table; the first column is a heading, others that stand left hold words."""
    head, *rows = _rows(tokens)
    corner, *columns = head
    split = [cell.split(BREAK, 1) for cell in columns]
    groups = None
    if split and all(len(parts) == 2 for parts in split):
        groups = [(Markup(name), len(list(of))) for name, of in groupby(p[0] for p in split)]
        columns = [Markup(parts[1]) for parts in split]
    left = [token.attrGet("style") == LEFT for token in tokens if token.type == "th_open"]
    kinds = [WORDS if words else "" for words in left[1:]]
    table = {"corner": corner, "groups": groups, "columns": columns, "kinds": kinds, "rows": rows}
    return render("table.html.j2", **table)


def _rows(tokens: Sequence[Token]) -> list[list[Markup]]:
    """Return the cells of a table, row by row, the heading first."""
    rows: list[list[Markup]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(Markup(_html([token])))
    return rows
