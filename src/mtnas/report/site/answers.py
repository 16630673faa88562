"""The answer of a study (`results/answer.json`) on the first screen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnas.report.answer import form
from mtnas.report.answer.form import Answer, read_answer
from mtnas.report.render.html import render
from mtnas.report.site.intervals import Panel, signed
from mtnas.report.site.scales import Interval, side_of

KINDS = {"do": "What to do", "found": "Found", "sure": "How sure"}
CLAIM = "claim-"  # intervals of claims are drawn in the list of claims


@dataclass(frozen=True)
class Statement:
    """One sentence of an answer: its kind, and where the page shows what it stands on."""

    kind: str
    text: str
    href: str

    @property
    def source(self) -> str:
        """Return what the link leads to: `table`, `figure`, `claim`."""
        return self.href[1:].partition("-")[0]


@dataclass(frozen=True)
class Shown:
    """One question with its answer; the panels are of one unit, which stands above them."""

    question: str
    statements: tuple[Statement, ...]
    panels: Mapping[str, Sequence[Panel]]

    @property
    def asked(self) -> list[Statement]:
        """Return the sentences that say what was asked."""
        return [told for told in self.statements if told.kind == "asked"]

    @property
    def lead(self) -> Statement | None:
        """Return the first finding."""
        return next((told for told in self.statements if told.kind == "found"), None)

    def told(self, *, lead: bool) -> list[tuple[str, str, list[Statement]]]:
        """Return the sentences by kind, with the first finding or without it."""
        others = [told for told in self.statements if lead or told is not self.lead]
        by_kind = {kind: [told for told in others if told.kind == kind] for kind in KINDS}
        return [(kind, KINDS[kind], told) for kind, told in by_kind.items() if told]

    def html(self, *, folded: bool) -> Markup:
        """Return statements and intervals, these folded or not."""
        return render("answer.html.j2", answer=self, folded=folded)


def read_answers(path: str | Path | None, known: Collection[str]) -> list[Shown]:
    """Return the answers of a file, none if there is no file; `known` are the ids of the page.

    Raises:
        RecordError: the file is missing, or is not one of answers.
    """
    if path is None:
        return []
    return [_shown(answer, known) for answer in read_answer(path)]


def _shown(answer: Answer, known: Collection[str]) -> Shown:
    statements = [
        Statement(told.kind, told.text, _href(told.anchor, known)) for told in answer.statements
    ]
    found: dict[str, dict[str, list[Interval]]] = {}
    for own in answer.intervals:
        if not (own.anchor or "").startswith(CLAIM):
            of_unit = found.setdefault(own.unit.partition(";")[0], {})
            of_unit.setdefault(own.dataset, []).append(_interval(own, known))
    panels = {
        unit: [Panel.of(dataset, rows, rows) for dataset, rows in of.items()]
        for unit, of in found.items()
    }
    return Shown(answer.question, tuple(statements), panels)


def _interval(own: form.Interval, known: Collection[str]) -> Interval:
    told = f"{own.label}: {signed(own.estimate)}, 95 % interval {signed(own.low)} to "
    told += f"{signed(own.high)}: {own.verdict}"
    href, side = _href(own.anchor, known), side_of(own.low, own.high)
    return Interval(own.label, own.low, own.estimate, own.high, told, href, side)


def _href(anchor: str | None, known: Collection[str]) -> str:
    """Return a link to a thing that the page has."""
    return f"#{anchor}" if anchor in known else ""
