"""The answer of a study (`results/answer.json`) on the first screen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnas.report.render.html import render
from mtnas.report.site.intervals import Panel, signed
from mtnas.report.site.scales import Interval, side_of
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, read_json

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
    found: dict[str, dict[str, list[Interval]]] = {}
    for own in answer.get("intervals", ()):
        if not str(own.get("anchor")).startswith(CLAIM):
            unit = str(own["unit"]).partition(";")[0]
            of_unit = found.setdefault(unit, {})
            of_unit.setdefault(str(own["dataset"]), []).append(_interval(own, known))
    panels = {
        unit: [Panel.of(dataset, rows, rows) for dataset, rows in of.items()]
        for unit, of in found.items()
    }
    return Shown(str(answer["question"]), tuple(statements), panels)


def _interval(own: Json, known: Collection[str]) -> Interval:
    low, estimate, high = (float(own[name]) for name in ("low", "estimate", "high"))
    label = str(own["label"])
    told = f"{label}: {signed(estimate)}, 95 % interval {signed(low)} to {signed(high)}"
    told += f": {own['verdict']}"
    href = _href(own.get("anchor"), known)
    return Interval(label, low, estimate, high, told, href, side_of(low, high))


def _href(anchor: str | None, known: Collection[str]) -> str:
    """Return a link to a thing that the page has."""
    return f"#{anchor}" if anchor in known else ""
