"""The answer of a study (`results/answer.json`) on the first screen."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnas.report.names import dataset_name
from mtnas.report.render.html import render
from mtnas.report.site.intervals import Panel, signed
from mtnas.report.site.scales import Interval, side_of
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, read_json

KINDS = {"asked": "The question", "found": "Found", "sure": "How sure", "do": "What to do"}


@dataclass(frozen=True)
class Statement:
    """One sentence of an answer: its kind, and where the page shows what it stands on."""

    kind: str
    text: str
    href: str

    @property
    def label(self) -> str:
        """Return what the sentence is, in words."""
        return KINDS.get(self.kind, "")


@dataclass(frozen=True)
class Shown:
    """One question with its answer."""

    question: str
    statements: tuple[Statement, ...]
    panels: tuple[Panel, ...] = ()

    def html(self) -> Markup:
        """Return statements and intervals."""
        return render("answer.html.j2", answer=self)


def read_answers(path: str | Path | None, known: Collection[str]) -> list[Shown]:
    """Return the answers of a file, none if there is no file; `known` are the ids of the page.

    Raises:
        RecordError: the file is missing, or is not one of answers.
    """
    if path is None:
        return []
    content = read_json(Path(path))
    try:
        return [_answer(answer, known) for answer in content["answers"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path}: not a file of answers ({error!r})") from None


def _answer(answer: Json, known: Collection[str]) -> Shown:
    statements = [
        Statement(str(told["kind"]), str(told["text"]), _href(told.get("anchor"), known))
        for told in answer["statements"]
    ]
    found: dict[str, list[Interval]] = {}
    for own in answer.get("intervals", ()):
        title = f"{dataset_name(own['dataset'])} ({own['unit']})" if own["dataset"] else own["unit"]
        found.setdefault(title, []).append(_interval(own, known))
    panels = [Panel.of(title, rows, rows) for title, rows in found.items()]
    return Shown(str(answer["question"]), tuple(statements), tuple(panels))


def _interval(own: Json, known: Collection[str]) -> Interval:
    low, estimate, high = (float(own[name]) for name in ("low", "estimate", "high"))
    label = str(own["label"])
    told = f"{label}: {signed(estimate)}, 95 % interval {signed(low)} to {signed(high)}"
    href = _href(own.get("anchor"), known)
    return Interval(label, low, estimate, high, told, href, side_of(low, high))


def _href(anchor: str | None, known: Collection[str]) -> str:
    """Return a link to a thing that the page has."""
    return f"#{anchor}" if anchor in known else ""
