"""The claims as a list: words, verdict, the interval that decided it; all else is folded."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mtnas.evidence.claims.ledger import Entry, Told, shown
from mtnas.evidence.claims.verdicts import NOT_JUDGED
from mtnas.report.claims import (
    COMPARISON,
    comparison_cells,
    deciding,
    missing,
    number,
    of_dataset,
)
from mtnas.report.names import Names, column_name, counted, dataset_name
from mtnas.report.render.html import render
from mtnas.report.site.anchors import anchor
from mtnas.report.site.grids import Grid, plain
from mtnas.report.site.scales import Scale, Side
from mtnas.tasks.metrics import METRICS, split_column

WIDTH, HEIGHT = 190.0, 34.0
WORDS = ("Claimed", "Over", "Verdict")
SIDES: dict[str, Side] = {"replicated": "better", "contradicted": "worse"}


@dataclass(frozen=True)
class Speaker:
    """Says what a comparison is of in words: `AUC0: MTNAS − Single`."""

    names: Names
    runs: Collection[tuple[str, str]]  # the (method, variant) that have names

    def what(self, comparison: Told) -> str:
        """Return what is compared, after the title of its dataset."""
        metric, colon, rest = comparison["what"].partition(": ")
        if colon and split_column(metric)[0] in METRICS:
            metric = column_name(metric)
        told = re.sub(r"(\w+)/(\w+)", self._name, metric + colon + rest).replace(" - ", " − ")
        return shown(dataset_name(comparison["dataset"], comparison["simulated"]), told)

    def _name(self, found: re.Match[str]) -> str:
        row = (found[1], found[2])
        return self.names.run(*row) if row in self.runs else found[0]


@dataclass(frozen=True)
class Decided:
    """The interval that decides a claim, as it is drawn and told."""

    comparison: Told
    what: str

    @property
    def scale(self) -> Scale:
        """Return the scale of its drawing; it holds the null value."""
        c = self.comparison
        values = [*c["deciding"], c["estimate"], c["null"]]
        return Scale.over(values, 2, WIDTH - 2, spare=0.2)

    @property
    def side(self) -> Side:
        """Return on which side of the null value the interval lies, as the claim sees it."""
        c = self.comparison
        low, high = c["deciding"]
        apart = not low <= c["null"] <= high
        return SIDES.get(c["verdict"], "unsure") if apart else "unsure"

    @property
    def numbers(self) -> str:
        """Return the estimate with its interval."""
        c = self.comparison
        return f"{number(c['estimate'])} {c['unit']} {deciding(c)}"

    @property
    def told(self) -> str:
        """Return what is compared, and what the interval says of it."""
        said = self.comparison["said"]
        return f"{self.what}. {said[0].upper()}{said[1:]}."


@dataclass(frozen=True)
class Claim:
    """One claim of the list."""

    entry: Entry
    decided: Decided | None
    datasets: Sequence[str]
    comparisons: Grid
    lacks: str

    @property
    def id(self) -> str:
        """Return the id of the claim on the page."""
        return anchor("claim", self.entry["id"])

    @property
    def seeds(self) -> str:
        """Return such as `10 seeds.`; nothing if none was measured."""
        return f"{counted(self.entry['seeds'], 'seed')}." if self.entry["seeds"] else ""

    @property
    def kind(self) -> str:
        """Return the verdict as a class of the style sheet."""
        return self.entry["verdict"].replace(" ", "-")


@dataclass(frozen=True)
class Claims:
    """All claims of a study."""

    claims: Sequence[Claim]

    @property
    def verdicts(self) -> Counter[str]:
        """Count the verdicts, in the order in which they come."""
        return Counter(claim.entry["verdict"] for claim in self.claims)

    @property
    def measured(self) -> list[Claim]:
        """Return the claims that an interval decides."""
        return [claim for claim in self.claims if claim.decided]

    @property
    def others(self) -> list[Claim]:
        """Return the claims that nothing decides."""
        return [claim for claim in self.claims if not claim.decided]

    @property
    def sources(self) -> list[str]:
        """Name whose claims they are."""
        return list(dict.fromkeys(claim.entry["source"] for claim in self.claims))

    def html(self, rule: Markup) -> Markup:
        """Return the list with its filter; `rule` says how a verdict is reached."""
        return render("claims.html.j2", list=self, rule=rule, width=WIDTH, height=HEIGHT)


def read_claims(entries: Sequence[Entry], speaker: Speaker) -> Claims:
    """Return the claims of a ledger as the page shows them."""
    return Claims([_claim(entry, speaker) for entry in entries])


def _claim(entry: Entry, speaker: Speaker) -> Claim:
    comparisons = entry["comparisons"]
    decided = [c for c in comparisons if shown(c["dataset"], c["what"]) == entry["decided_by"]]
    return Claim(
        entry,
        Decided(decided[0], speaker.what(decided[0])) if decided else None,
        [of_dataset(name, found) for name, found in entry["datasets"].items()],
        plain(
            f"All comparisons of {entry['id']}",
            COMPARISON,
            [comparison_cells(c, speaker.what(c)) for c in comparisons],
            WORDS,
        ),
        _lacks(entry),
    )


def _lacks(entry: Entry) -> str:
    """Say what a claim lacks."""
    if entry["verdict"] == NOT_JUDGED:
        return "It applies to none of these datasets."
    return f"It lacks {missing(entry['missing'])}." if entry["missing"] else ""
