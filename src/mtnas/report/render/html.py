"""Markdown as HTML, and templates. Whatever is not markup of ours is escaped."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).resolve().parents[1] / "site" / "templates"
BREAK = "<br>"


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


def parse(text: str) -> list[Token]:
    """Return the tokens of a text in the Markdown that `writers` writes: other signs are text."""
    return _markdown().parse(text)


def html_of(tokens: Sequence[Token]) -> Markup:
    """Render tokens: headings, paragraphs, bold, italic, `code` and `<br>`."""
    parser = _markdown()
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def to_html(text: str) -> Markup:
    """Render a text without tables."""
    return html_of(parse(text))


@cache
def _markdown() -> MarkdownIt:
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
