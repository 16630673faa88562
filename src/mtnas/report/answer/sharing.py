"""Which sharing should I use for my tasks?

The simplest method is recommended unless another is measurably better, after correction for the
number of methods that are compared with it. Controls are not recommended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mtnas.config.entries import PAPER
from mtnas.evidence.pairing import SINGLE, Row
from mtnas.evidence.statistics import MOST_SEEDS, seeds_needed
from mtnas.report.answer.compare import (
    Gain,
    Score,
    corrected,
    gain,
    intervals_of,
    score_of,
    score_of_task,
)
from mtnas.report.answer.form import Answer, Statement
from mtnas.report.answer.needs import DERIVED
from mtnas.report.answer.words import amount, called, interval, listed, of, signed_of
from mtnas.report.names import dataset_name
from mtnas.report.runs import Results
from mtnas.study.paths import RUN
from mtnas.tasks.metrics import MTL_LOSS, metric_of

QUESTION = "Which sharing should I use for my tasks?"
SIMPLEST = (("share_bottom", PAPER), SINGLE)  # in this order


@dataclass(frozen=True)
class Choice:
    """What is recommended for a dataset, the simplest method, and how all others compare to it."""

    dataset: str
    simplest: Row
    chosen: Row
    score: Score
    gains: tuple[Gain, ...]

    @property
    def decisive(self) -> Gain | None:
        """Return the comparison that decided: that of the chosen method, or of the closest one."""
        of_chosen = [g for g in self.gains if g.ours == self.chosen]
        return next(iter(of_chosen), None) or max(
            self.gains, key=lambda g: g.found.mean, default=None
        )


def choose(results: Results, dataset: str, controls: Sequence[Row]) -> Choice | None:
    """Choose a method for a dataset; None if there is nothing to choose from."""
    rows = [r for r in results.rows if r not in controls and results.get(dataset, r) is not None]
    if len(rows) < 2:
        return None
    simplest = next((row for row in SIMPLEST if row in rows), rows[0])
    score = score_of(results, dataset)
    others = [row for row in rows if row != simplest]
    gains = corrected(gain(results, dataset, row, simplest, score) for row in others)
    better = [g for g in gains if g.sign > 0]
    chosen = max(better, key=lambda g: g.found.mean).ours if better else simplest
    return Choice(dataset, simplest, chosen, score, tuple(gains))


def answer(
    results: Results,
    datasets: Iterable[str],
    controls: Sequence[Row],
    tasks: Mapping[tuple[str, str], str],
    derived: Mapping[Row, str] = MappingProxyType({}),
) -> Answer | None:
    """Return the answer; None if no dataset has two methods.

    `tasks` are what readers call tasks, `derived` how rows go on with the weights of
    a search, which no control does.
    """
    found = (choose(results, dataset, controls) for dataset in datasets)
    choices = [choice for choice in found if choice is not None]
    if not choices:
        return None
    statements = [Statement(kind="asked", text=_asked(results, choices), anchor="table-table2")]
    for choice in choices:
        anchor = f"dataset-{choice.dataset}"
        text = _found(results, choice, _trained(results, choice, controls, derived))
        statements.append(Statement(kind="found", text=text, anchor=anchor))
        if harmed := _harmed(results, choice, tasks):
            statements.append(Statement(kind="found", text=harmed, anchor="table-table2"))
    statements += [Statement(kind="sure", text=text) for text in _sure(results, choices)]
    statements += [Statement(kind="do", text=text) for text in _next(results, choices)]
    intervals = [intervals_of(results, c.gains, "table-table2") for c in choices]
    return Answer(
        question=QUESTION,
        statements=tuple(statements),
        intervals=tuple(one for of in intervals for one in of),
    )


def _name(results: Results, dataset: str) -> str:
    return dataset_name(dataset, results.simulated(dataset))


def _asked(results: Results, choices: Sequence[Choice]) -> str:
    names = listed([_name(results, choice.dataset) for choice in choices])
    rows = dict.fromkeys(g.ours for choice in choices for g in choice.gains)
    simplest = listed(list(dict.fromkeys(results.name(c.simplest) for c in choices)))
    methods = "the other method" if len(rows) == 1 else f"any of {len(rows)} other methods"
    words = listed(list(dict.fromkeys(c.score.words for c in choices)))
    return (
        f"On {names}: is {methods} better than {simplest}, the simplest, by {words}? Corrected: "
        "for as many comparisons as there are methods (Holm), so that luck does not decide."
    )


def _found(results: Results, choice: Choice, trained: str = "") -> str:
    """Say what to use on a dataset and why; `trained` tells how its training differs."""
    name, simplest = _name(results, choice.dataset), results.name(choice.simplest)
    decisive, unit = choice.decisive, choice.score.unit
    if decisive is None:
        return f"{name}: the methods have no score in common, so nothing can be said."
    if choice.chosen != choice.simplest:
        return (
            f"{name}: use {called(results, choice.chosen)}{trained}. It is better than {simplest} "
            f"by {of(decisive)} {unit} ({interval(decisive)})."
        )
    one = len(choice.gains) == 1
    if decisive.interval is None:
        return (
            f"{name}: one seed shows nothing. {called(results, decisive.ours)} came out "
            f"{signed_of(decisive)} {unit} from {simplest} ({interval(decisive)}): maybe luck."
        )
    none = "The other method is not" if one else f"None of {len(choice.gains)} other methods is"
    closest = f"{results.name(decisive.ours)} comes closest with " if not one else "It came out at "
    return (
        f"{name}: use {called(results, choice.simplest)}, the simplest. {none} measurably better; "
        f"{closest[0].lower() if one else closest[0]}{closest[1:]}{signed_of(decisive)} {unit} "
        f"({interval(decisive)})."
    )


def _trained(
    results: Results, choice: Choice, controls: Sequence[Row], derived: Mapping[Row, str]
) -> str:
    """Say that the chosen run had another training, and whether a control had it, too."""
    how = derived.get(choice.chosen)
    if how is None:
        return ""
    told = f", which {DERIVED[how]}: another training"
    alike = [row for row in controls if derived.get(row) == how]
    if any(results.get(choice.dataset, row) is not None for row in alike):
        return told
    return f"{told}, and no control tells what it gains from what the search gains"


def _harmed(results: Results, choice: Choice, tasks: Mapping[tuple[str, str], str]) -> str:
    """Name the tasks that lose measurably in the chosen method, against a model of their own."""
    if choice.chosen == SINGLE or results.get(choice.dataset, SINGLE) is None:
        return ""
    columns = [c for c in results.columns(choice.dataset) if c != MTL_LOSS]
    gains = corrected(
        gain(results, choice.dataset, choice.chosen, SINGLE, score_of_task(c)) for c in columns
    )
    lost = [
        f"{tasks.get((choice.dataset, g.score.words), g.score.words)} is worse by "
        f"{of(g)} {metric_of(g.score.columns[0]).title} ({interval(g)})"
        for g in gains
        if g.sign < 0
    ]
    if not lost:
        return ""
    name = results.name(choice.chosen)
    return (
        f"{_name(results, choice.dataset)}: not every task gains. With {name}, {listed(lost)} "
        "against a model of its own."
    )


def _sure(results: Results, choices: Sequence[Choice]) -> list[str]:
    """Say how sure that is: by the seeds there are, and those that a small difference takes."""
    told: dict[str, list[str]] = {}
    for choice in choices:
        name = _name(results, choice.dataset)
        if results.simulated(choice.dataset):
            told.setdefault("made by a program, so this says nothing of real data.", []).append(
                name
            )
        decisive = choice.decisive
        if decisive is not None and decisive.interval is not None:
            told.setdefault(_how_sure(decisive), []).append(name)
    return [f"{listed(names)}: {text}" for text, names in told.items()]


def _how_sure(decisive: Gain) -> str:
    """Say what the seeds of a comparison can show."""
    seeds = decisive.found.n
    rows = decisive.found.resampling
    needed = seeds_needed(decisive.found.sd or 0.0, rows, decisive.score.effect)
    if decisive.sign:
        of = "this one split" if rows.kind == "fixed" else "rows like these"
        return f"{seeds} seeds settle it for {of}; another table may differ."
    effect = f"{amount(decisive.score.effect, decisive.score.effect)} {decisive.score.unit}"
    if needed is None:
        return (
            f"no number of seeds shows a difference of {effect}, since {rows.limit}; it takes more "
            "rows."
        )
    if needed <= seeds:
        return f"{seeds} seeds would show a difference of {effect} in most cases, so it is smaller."
    many = f"{needed:,}" if needed < MOST_SEEDS else f"more than {MOST_SEEDS:,}"
    return (
        f"to show a difference of {effect} takes {many} seeds, not {seeds}: more may change this."
    )


def _next(results: Results, choices: Sequence[Choice]) -> list[str]:
    """Say what to do next: use the chosen model, and learn which tasks belong together."""
    if any(c.decisive is not None and c.decisive.interval is None for c in choices):
        return ["Run again with seeds: 5 or more in the configuration; one seed has no interval."]
    first = choices[0]
    run = RUN.format(dataset=first.dataset, method=first.chosen[0], variant=first.chosen[1])
    return [
        f"To use the model: .venv/bin/mtnas export {run} --out model. To learn which tasks belong "
        f"in one model: .venv/bin/mtnas diagnose {first.dataset} --cores 2, which trains every "
        "subset of them."
    ]
