"""The regret table of a small space: what each search loses against training every route."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtnas.evidence.statistics import Difference
from mtnas.report.cells import difference_cell, in_family
from mtnas.report.exhibits.base import Needs, TableExhibit, of_space
from mtnas.report.judged import GOOD, ONE_SUBNET, Found, Truth, read_judged
from mtnas.report.names import REFERENCE, SIMULATED, Names
from mtnas.report.render.layout import CHOSEN, FAMILY, Block, Cell, Column, Kind, Row, Source, Table
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Plan

REGRETS = {"test": "regret", "valid": "regret on validation"}
COLUMNS = (
    *(*REGRETS.values(), "against a random route", "regret of the pattern"),
    *("good picks", "good mass", "weight steps", "route evaluations"),
)
TESTED = ("regret", "gain")
ORACLE, HINDSIGHT = "oracle", "best in hindsight"


class Regret(TableExhibit):
    """A table per small space: `regret_{space}`."""

    place = 70

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take all routes of a space on every dataset, and the searches that it judges."""
        return {f"regret_{space}": of_space(plan, space) for space in plan.judged}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return regret_table(needs.truth_files, needs.judged, needs.names)


def regret_table(
    truth_files: Sequence[str | Path],
    judged: Sequence[Mapping[str, str]],
    names: Names | None = None,
) -> Table:
    """Build the table of one space: a block per dataset, a row per reference and search.

    Raises:
        RecordError: a file is missing or broken, or two do not belong together.
    """
    truths = [Truth.read(path) for path in truth_files]
    if not truths or len({(truth.name, truth.space) for truth in truths}) != 1:
        spaces = sorted({truth.name for truth in truths})
        if len(spaces) == 1:
            raise RecordError(
                f"regret: space {spaces[0]} is another network on each dataset; train it on all"
            )
        raise RecordError(f"regret: needs the ground truth of one space, got {spaces or 'none'}")
    found = read_judged(truths, judged)
    blocks = (
        _block(truth, [f for f in found if f.dataset == truth.dataset], names or Names())
        for truth in truths
    )
    return Table(f"regret_{truths[0].name}", _title(truths[0]), tuple(blocks), _notes(truths))


def _title(truth: Truth) -> str:
    space = truth.space
    return (
        f"Regret in test loss ({truth.unit}), all {space.num_routes} routes of space {truth.name} "
        f"known (L = {space.num_layers}, H = {space.num_subnets}, query {space.query_scope})"
    )


def _block(truth: Truth, found: Sequence[Found], names: Names) -> Block:
    """Return the part of one dataset: what needs no search, then the searches in their order."""
    title = f"{truth.title} ({SIMULATED})" if truth.simulated else truth.title
    rows = [Row(name, _judge(truth, _picked(truth, name))) for name in (ORACLE, HINDSIGHT)]
    rows += [Row(name, _judge(truth, _picked(truth, name))) for name in truth.known]
    rows.append(Row("a random route", _chance(truth)))
    searches = [f for f in found if not f.is_control]
    lowest = min((_regret(truth, f, "valid").mean for f in searches), default=None)
    for f in found:
        best = not f.is_control and _regret(truth, f, "valid").mean == lowest
        label = names.search(REFERENCE, f.variant)
        rows.append(Row(label, _judge(truth, f, chosen=best)))
    columns = tuple(Column(label) for label in COLUMNS)
    cells = in_family([row.cells for row in rows], TESTED)
    rows = [replace(row, cells=tuple(of)) for row, of in zip(rows, cells, strict=True)]
    return Block(title, "Route", columns, tuple(rows))


def _picked(truth: Truth, name: str) -> Found:
    if name == ORACLE:
        picks = truth.oracle
    else:
        route = truth.best if name == HINDSIGHT else truth.known[name]
        picks = dict.fromkeys(truth.seeds, route)
    return Found(truth.dataset, name, truth.source, truth.losses(picks), picks, code=truth.code)


def _chance(truth: Truth) -> tuple[Cell, ...]:
    """Return what a route drawn uniformly is worth: exact, a mean over all routes."""
    found = Found(truth.dataset, "random", truth.source, truth.chance(), code=truth.code)
    pattern = float(truth.pattern_loss.mean() - truth.pattern_loss.min())
    good = float(truth.good.mean())
    shares = {"pattern_regret": pattern, "good_picks": good, "good_mass": good}
    return (
        *_regrets(truth, found),
        Cell(kind="difference"),
        *(_share(truth, found, metric, value) for metric, value in shares.items()),
        *_spent(found),
    )


def _judge(truth: Truth, found: Found, *, chosen: bool = False) -> tuple[Cell, ...]:
    """Return the cells of one row, in the order of `COLUMNS`."""
    shares: dict[str, float | None] = dict.fromkeys(("pattern_regret", "good_picks", "good_mass"))
    if found.picks is not None:
        routes = list(found.picks.values())
        pattern = float((truth.pattern_loss[routes] - truth.pattern_loss.min()).mean())
        good = float(truth.good[routes].mean())
        shares = {"pattern_regret": pattern, "good_picks": good, "good_mass": found.good_mass}
    gain = truth.over(found.losses, truth.chance())
    return (
        *_regrets(truth, found, chosen=chosen),
        difference_cell(gain, _source(truth, found, "gain")),
        *(_share(truth, found, metric, value) for metric, value in shares.items()),
        *_spent(found),
    )


def _regrets(truth: Truth, found: Found, *, chosen: bool = False) -> list[Cell]:
    """Return the regret on test and on validation."""
    test, valid = (
        difference_cell(_regret(truth, found, part), _source(truth, found, metric))
        for part, metric in (("test", "regret"), ("valid", "valid_regret"))
    )
    return [test, replace(valid, mark=CHOSEN if chosen else "")]


def _regret(truth: Truth, found: Found, part: str) -> Difference:
    """Return the paired difference of the losses to those of the oracle."""
    return truth.over(found.losses, truth.losses(truth.oracle), part)


def _share(truth: Truth, found: Found, metric: str, value: float | None) -> Cell:
    kind: Kind = "score" if metric == "pattern_regret" else "share"
    return Cell(value, kind, source=_source(truth, found, metric))


def _spent(found: Found) -> list[Cell]:
    source = Source(found.dataset, variant=found.variant)
    return [Cell(count, "count", source=source) for count in found.spent or (None, None)]


def _source(truth: Truth, found: Found, metric: str) -> Source:
    seeds = len(truth.seeds)
    return Source(
        truth.dataset, REFERENCE, found.variant, metric, "all", seeds, found.source, found.code
    )


def _luck(truths: Sequence[Truth]) -> str:
    """Say how far routes of one pattern lie apart, which differ in initial weights alone."""
    apart = (f"{truth.spread_in_patterns:.4f} on {truth.title}" for truth in truths)
    return f"routes of one pattern have mean losses with a standard deviation of {', '.join(apart)}"


def _notes(truths: Sequence[Truth]) -> tuple[str, ...]:
    patterns = len(np.unique(truths[0].pattern_R))
    notes = [
        "Regret: test loss of the route of each seed, trained from scratch, minus that of the "
        "oracle; mean over seeds with its 95 % paired t interval (corrected where splits overlap), "
        "bold where that excludes zero, "
        f"{FAMILY} where it does under Holm over the differences in test loss of the block. "
        "The oracle trains every route and takes the one with the lowest validation loss, seed by "
        "seed. 'Best in hindsight' is the one route with the lowest mean test loss, so it is "
        "chosen on the test set. Regret on validation is the same with the losses that routes are "
        f"chosen by, which takes no test example; {CHOSEN} marks the search with the lowest: who "
        "chooses a setting by validation takes that one, and its regret on test says what it is "
        "worth. 'Against a random route': minus the mean over all routes of the space; negative "
        "means that the search found something.",
        f"Pattern: routes that differ in the names of sub-networks only ({patterns} patterns). "
        "Regret of the pattern: mean loss of the pattern minus that of the best one, which leaves "
        "out the luck of a single initialisation. Good: of the best patterns that together hold at "
        f"least {GOOD:.0%} of the routes; picks: share of seeds; mass: probability under the final "
        "architecture parameters, which a ranking does not have. Best and good patterns are so "
        "named by the mean test loss of these very seeds, so part of their lead is luck: "
        f"{_luck(truths)}.",
        f"{ONE_SUBNET}: the route on which all tasks read one sub-network, which is a fraction of "
        "the parameters that the method of that name has in the main results.",
        "Rows without picks are judged by their own runs: their weights or their space are others.",
    ]
    if any(truth.simulated for truth in truths):
        notes.append(f"{SIMULATED}: not the paper's data; no conclusion about it follows.")
    return tuple(notes)


EXHIBIT = Regret()
