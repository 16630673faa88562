"""What a screen reader makes of a page, and where it would stumble: read without a browser."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = ("meta", "br", "img", "input", "link", "hr", "col")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
CONTROLS = ("a", "button", "input", "select", "summary")
LANDMARKS = ("main", "nav", "section", "dialog")


@dataclass
class Element:
    """A tag with its attributes, what is in it, and what it is in."""

    tag: str
    attributes: dict[str, str]
    parents: tuple["Element", ...]
    inside: list["Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name, "").strip()

    @property
    def text(self) -> str:
        """Return its text, and that of what is in it, but for styles and scripts."""
        return " ".join("".join(self.texts).split())

    @property
    def is_hidden(self) -> bool:
        """Whether a screen reader passes over it."""
        return any(one["aria-hidden"] == "true" for one in (*self.parents, self))


class Outline(HTMLParser):
    """All elements of a page, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        own = Element(tag, {name: value or "" for name, value in attrs}, tuple(self.open))
        self.elements.append(own)
        for parent in self.open:
            parent.inside.append(own)
        if tag not in VOID:
            self.open.append(own)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element that closes itself, as those of SVG do."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """End an element, and what was left open in it."""
        while self.open and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Add a text to all elements that are open."""
        for parent in self.open:
            parent.texts.append(data)

    def of(self, *tags: str) -> list[Element]:
        """Return the elements with one of some tags that a screen reader reads."""
        return [one for one in self.elements if one.tag in tags and not one.is_hidden]

    def name(self, own: Element) -> str:
        """Return what an element is called."""
        by_id = {one["id"]: one for one in self.elements if one["id"]}
        if other := by_id.get(own["aria-labelledby"]):
            return other.text
        if own["aria-label"]:
            return own["aria-label"]
        labels = [one for one in self.of("label") if own["id"] and one["for"] == own["id"]]
        labels += [one for one in own.parents if one.tag == "label"]
        if own.tag in ("input", "select"):
            return labels[0].text if labels else ""
        if own.tag == "img":
            return own["alt"]
        if own.tag in LANDMARKS and own.tag != "main":
            return ""
        return own.text or " ".join(one["alt"] for one in own.inside if one.tag == "img")


def barriers(html: str) -> list[str]:
    """Return a sentence for every place at which somebody who cannot see the page would stumble."""
    page = Outline(html)
    parts = (_headings, _landmarks, _tables, _controls, _focus, _drawings)
    return [told for part in parts for told in part(page)]


def _headings(page: Outline) -> Iterator[str]:
    before = 0
    for own in page.of(*HEADINGS):
        level = int(own.tag[1])
        if level > before + 1:
            yield f"{own.tag} {own.text!r} comes after h{before}"
        if not own.text:
            yield f"an empty {own.tag}"
        before = level
    if len(page.of("h1")) != 1:
        yield f"{len(page.of('h1'))} h1"


def _landmarks(page: Outline) -> Iterator[str]:
    if len(page.of("main")) != 1:
        yield "not one main"
    own = [(one.tag, page.name(one)) for one in page.of(*LANDMARKS) if one.tag != "main"]
    own += [("region", page.name(one)) for one in page.elements if one["role"] == "region"]
    for (tag, name), count in Counter(own).items():
        if not name:
            yield f"{count} {tag} without a name"
        elif count > 1:
            yield f"{count} {tag} are called {name!r}"


def _tables(page: Outline) -> Iterator[str]:
    for table in page.of("table"):
        first = table.inside[0]
        if first.tag != "caption" or not first.text:
            yield f"a table without a caption: {table.text[:60]!r}"
    for head in page.of("th"):
        if head["scope"] not in ("row", "col", "rowgroup", "colgroup"):
            yield f"a heading without a scope: {head.text!r}"
        if not head.text:
            yield f"an empty heading in {head.parents[-1].text[:60]!r}"


def _controls(page: Outline) -> Iterator[str]:
    for own in page.of(*CONTROLS):
        if not page.name(own):
            yield f"a {own.tag} without a name: {own.attributes}"


def _focus(page: Outline) -> Iterator[str]:
    """Keys walk in the order of the page, to things that say what they are, first past the nav."""
    links = page.of("a")
    ids = {one["id"] for one in page.elements}
    if not links or links[0]["href"] != "#main" or "main" not in ids:
        yield "the first link does not lead to #main"
    for own in page.elements:
        if "tabindex" in own.attributes:
            if own["tabindex"] != "0" or not (own["role"] and page.name(own)):
                yield f"a {own.tag} with tabindex {own['tabindex']!r}, role {own['role']!r}"
            if any(one["role"] == "img" for one in own.parents):
                yield f"{page.name(own)!r} is inside of an image"


def _drawings(page: Outline) -> Iterator[str]:
    for own in page.of("svg"):
        titled = any(one.tag in ("title", "desc") and one.text for one in own.inside[:1])
        if own["role"] not in ("img", "group") or not (own["aria-label"] or titled):
            yield f"a drawing without role and name: {own.attributes}"
    for own in page.of("img"):
        if not own["alt"]:
            yield "an image without a text"
