"""What pairs of tasks gain by alignment: over none, and over as many parameters elsewhere."""

import pandas as pd

from mtnas.evidence.statistics import difference_of
from mtnas.evidence.transfer_studies.alignment import GROUP, Group, pair_gains
from mtnas.evidence.transfer_studies.runs import LEAKS, SubsetRun
from mtnas.report.cells import difference_cell, in_family
from mtnas.report.exhibits._subsets import (
    CAPACITY,
    PLACE,
    check_some,
    chosen,
    notes,
    read_runs,
)
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import counted, dataset_name
from mtnas.report.paper import transfer_results
from mtnas.report.render.layout import FAMILY, Block, Cell, Column, Row, Source, Table
from mtnas.study.plan import Plan

NAME = "transfer_alignment"
BETTER = "pairs that improve (share)"
NOTE = (
    "Mean over the two tasks of a pair of what alignment (Algorithm 1 of Wu, Zhang, Ré) gains over "
    "the same model without it and over its control: for joint, as many parameters in layers of "
    "each task behind the shared part, for frozen, heads trained as long; more is better. Paired "
    "over seeds, with 95 % t intervals (corrected where splits overlap), "
    f"bold where they exclude zero; {FAMILY} where Holm's p-value over the whole block is below "
    ".05. joint: matrices and all else are trained together; frozen: the matrices and heads are "
    "trained after all else."
)


class TransferAlignment(TableExhibit):
    """A block per dataset and capacity, a row per pair."""

    place = PLACE + 2

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in alignment, capacity or leaks."""
        keys = chosen(plan, "training.alignment", *CAPACITY)
        return {NAME: Needs(subsets=keys, transfer_paper=True)} if keys else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        runs = read_runs(needs)
        gains = pair_gains(runs)
        check_some(gains, NAME)
        blocks = tuple(_block(needs, rows, runs) for rows in groups_of(gains))
        printed = transfer_results()["alignment"]
        told = f"Printed: {printed['improved']} of {printed['pairs']} pairs improve."
        return Table(NAME, "Alignment on pairs of tasks", blocks, notes(runs, NOTE, told))


def groups_of(gains: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the lines of each dataset, method and capacity."""
    return [rows for _, rows in gains.groupby(GROUP, sort=False, dropna=False)]


def group_title(needs: Needs, rows: pd.DataFrame) -> str:
    """Return what readers call a dataset, method and capacity."""
    group = Group.of(rows)
    parts = [dataset_name(group.dataset, group.simulated), needs.names.run(group.method)]
    parts += [] if group.capacity is None else [f"capacity {group.capacity:g}"]
    return ", ".join(parts) + LEAKS[group.leaks]


def _block(needs: Needs, rows: pd.DataFrame, runs: list[SubsetRun]) -> Block:
    compared = list(dict.fromkeys(zip(rows["alignment"], rows["over"], strict=True)))
    columns = tuple(Column(f"{a} − {o}".replace("_", " ")) for a, o in compared)
    pairs = list(dict.fromkeys(rows["pair"]))
    keyed = rows.set_index(["alignment", "over", "pair"])["gain"].sort_index()
    grid = [[_cell(keyed, rows, (*of, pair)) for of in compared] for pair in pairs]
    body = [
        Row(pair.replace("+", " + "), tuple(cells))
        for pair, cells in zip(pairs, in_family(grid), strict=True)
    ]
    better = [Cell(_share_better(keyed.loc[of]), "share", source=_source(rows)) for of in compared]
    seeds = counted(rows["seed"].nunique(), "seed")
    return Block(f"{group_title(needs, rows)} ({seeds})", "Pair", columns,
                 (*body, Row(BETTER, tuple(better))))  # fmt: skip


def _cell(keyed: "pd.Series[float]", rows: pd.DataFrame, key: tuple[str, str, str]) -> Cell:
    values = keyed.loc[[key]].to_numpy()
    source = Source(**{**_source(rows).__dict__, "task": key[2], "seeds": len(values)})
    return difference_cell(difference_of(values, rows["resampling"].iloc[0]), source)


def _source(rows: pd.DataFrame) -> Source:
    first = rows.iloc[0]
    return Source(first["dataset"], first["method"], metric="gain")


def _share_better(gains: "pd.Series[float]") -> float:
    """Return the share of pairs whose mean over seeds is above 0."""
    return float((gains.groupby(level="pair").mean() > 0).mean())


EXHIBIT = TransferAlignment()
