"""The regret table of a small space: what each search loses against training every route."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mtnas.errors import RecordError
from mtnas.reporting.judged import GOOD, Found, Truth, read_judged
from mtnas.reporting.layout import Block, Cell, Column, Row, Source, Table
from mtnas.reporting.names import SIMULATED, dataset_name, search_name
from mtnas.statistics import paired_difference

COLUMNS = ("regret", "against a random route", "regret of the pattern", "good picks", "good mass")
ORACLE, HINDSIGHT = "oracle", "best in hindsight"
SPENT = ("weight steps", "route evaluations")


@dataclass(frozen=True)
class _Judgement:
    """What one row has on one dataset."""

    truth: Truth
    found: Found


def regret_table(truth_files: Sequence[str | Path], judged: Sequence[Mapping[str, str]]) -> Table:
    """Build the table of one space; a column group per dataset, a row per reference and search.

    Raises:
        RecordError: a file is missing or broken, or two do not belong together.
    """
    truths = [Truth.read(path) for path in truth_files]
    if not truths or len({(truth.name, truth.space) for truth in truths}) != 1:
        names = sorted({truth.name for truth in truths})
        if len(names) == 1:
            raise RecordError(
                f"regret: space {names[0]} is another network on each dataset; train it on all"
            )
        raise RecordError(f"regret: needs the ground truth of one space, got {names or 'none'}")
    found = read_judged(truths, judged)
    rows = [*_references(truths), *_searches(truths, found)]
    columns = [
        *(Column(label, _group(truth)) for truth in truths for label in COLUMNS),
        *(Column(label, "budget") for label in SPENT),
    ]
    block = Block("", "Route", tuple(columns), tuple(rows))
    return Table(f"regret_{truths[0].name}", _title(truths[0]), (block,), _notes(truths))


def _title(truth: Truth) -> str:
    space = truth.space
    return (
        f"Regret in test loss, all {space.num_routes} routes of space {truth.name} known "
        f"(L = {space.num_layers}, H = {space.num_subnets}, query {space.query_scope})"
    )


def _group(truth: Truth) -> str:
    return dataset_name(truth.dataset, truth.simulated)


def _references(truths: Sequence[Truth]) -> list[Row]:
    """Return the rows that need no search: the oracles, the known routes, chance."""
    rows = []
    names = [ORACLE, HINDSIGHT, *truths[0].known]
    for name in names:
        judgements = [_Judgement(truth, _picked(truth, name)) for truth in truths]
        rows.append(Row(name, (*_cells(judgements), Cell(kind="count"), Cell(kind="count"))))
    cells = [cell for truth in truths for cell in _chance(truth)]
    rows.append(Row("a random route", (*cells, Cell(kind="count"), Cell(kind="count"))))
    return rows


def _picked(truth: Truth, name: str) -> Found:
    if name == ORACLE:
        picks = truth.oracle
    else:
        route = truth.best if name == HINDSIGHT else truth.known[name]
        picks = dict.fromkeys(truth.seeds, route)
    return Found(truth.dataset, name, truth.source, truth.losses(picks), picks, code=truth.code)


def _chance(truth: Truth) -> list[Cell]:
    """Return what a route drawn uniformly is worth: exact, a mean over all routes."""
    found = Found(truth.dataset, "random", truth.source, truth.chance(), code=truth.code)
    regret = _difference(truth, found, "regret", truth.losses(truth.oracle))
    source = _source(truth, found, "pattern_regret")
    pattern = float(truth.pattern_loss.mean() - truth.pattern_loss.min())
    good = float(truth.good.mean())
    return [
        regret,
        Cell(kind="difference"),
        Cell(pattern, "score", source=source),
        Cell(good, "share", source=_source(truth, found, "good_picks")),
        Cell(good, "share", source=_source(truth, found, "good_mass")),
    ]


def _searches(truths: Sequence[Truth], found: Sequence[Found]) -> list[Row]:
    """Return one row per variant, in the order given."""
    known = {(f.dataset, f.variant): f for f in found}
    rows = []
    for variant in dict.fromkeys(f.variant for f in found):
        judgements = [
            _Judgement(truth, known[truth.dataset, variant])
            if (truth.dataset, variant) in known
            else None
            for truth in truths
        ]
        spent = [j.found.spent for j in judgements if j and j.found.spent]
        counts = (
            [float(max(values)) for values in zip(*spent, strict=True)] if spent else [None] * 2
        )
        budget = (Cell(count, "count", source=Source(variant=variant)) for count in counts)
        rows.append(Row(search_name(variant, truths[0].name), (*_cells(judgements), *budget)))
    return rows


def _cells(judgements: Sequence[_Judgement | None]) -> list[Cell]:
    return [cell for judgement in judgements for cell in _judge(judgement)]


def _judge(judgement: _Judgement | None) -> list[Cell]:
    """Return the cells of one row on one dataset, in the order of `COLUMNS`."""
    if judgement is None:  # not searched there
        return [Cell(kind="difference"), Cell(kind="difference"), Cell(), *[Cell(kind="share")] * 2]
    truth, found = judgement.truth, judgement.found
    cells = [
        _difference(truth, found, "regret", truth.losses(truth.oracle)),
        _difference(truth, found, "gain", truth.chance()),
    ]
    if found.picks is None:
        return [*cells, Cell(kind="score"), Cell(kind="share"), Cell(kind="share")]
    routes = list(found.picks.values())
    pattern = float((truth.pattern_loss[routes] - truth.pattern_loss.min()).mean())
    good = float(truth.good[routes].mean())
    return [
        *cells,
        Cell(pattern, "score", source=_source(truth, found, "pattern_regret")),
        Cell(good, "share", source=_source(truth, found, "good_picks")),
        Cell(found.good_mass, "share", source=_source(truth, found, "good_mass")),
    ]


def _difference(truth: Truth, found: Found, metric: str, other: "pd.Series[float]") -> Cell:
    """Return the paired difference of the picks to another loss; bold if it excludes zero."""
    gain = paired_difference(found.losses, other)
    return Cell(
        gain.mean,
        "difference",
        low=gain.low,
        high=gain.high,
        p_value=gain.p_value,
        strong=gain.excludes_zero,
        source=_source(truth, found, metric),
    )


def _source(truth: Truth, found: Found, metric: str) -> Source:
    seeds = len(truth.seeds)
    return Source(
        truth.dataset, "mtnas", found.variant, metric, "all", seeds, found.source, found.code
    )


def _notes(truths: Sequence[Truth]) -> tuple[str, ...]:
    patterns = len(np.unique(truths[0].pattern_R))
    notes = [
        "Regret: test loss of the route of each seed, trained from scratch, minus that of the "
        "oracle; mean over seeds with its 95 % paired t interval, bold where that excludes zero. "
        "The oracle trains every route and takes the one with the lowest validation loss, seed by "
        "seed. 'Best in hindsight' is the one route with the lowest mean test loss, so it is "
        "chosen on the test set. 'Against a random route': minus the mean over all routes of the "
        "space; negative means that the search found something.",
        f"Pattern: routes that differ in the names of sub-networks only ({patterns} patterns). "
        "Regret of the pattern: mean loss of the pattern minus that of the best one, which leaves "
        "out the luck of a single initialisation. Good: of the best patterns that together hold at "
        f"least {GOOD:.0%} of the routes; picks: share of seeds; mass: probability under the final "
        "architecture parameters, which a ranking does not have.",
        "Rows without picks are judged by their own runs: their weights or their space are others.",
    ]
    if any(truth.simulated for truth in truths):
        notes.append(f"{SIMULATED}: not the paper's data; no conclusion about it follows.")
    return tuple(notes)
