"""How much of what tasks gain together is test rows that other tasks train on."""

from typing import TYPE_CHECKING

import pandas as pd

from mtnas.evidence.statistics import difference_of
from mtnas.evidence.transfer_studies.capacity import (
    METRIC,
    Sweep,
    sweeps,
    with_and_without_leaks,
)
from mtnas.report.cells import difference_cell
from mtnas.report.exhibits._subsets import (
    CAPACITY,
    PLACE,
    check_some,
    chosen,
    notes,
    read_runs,
    source_of,
    title_of,
)
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.render.layout import Block, Column, Row, Table
from mtnas.tasks.metrics import ALL_TASKS

if TYPE_CHECKING:
    from mtnas.study.plan import Plan

NAME = "transfer_leak"
NOTE = (
    "What each task gains from being learned with all others, each side at the capacity that is "
    "best on validation: with the training rows that are copies of a test row of some task, "
    "without them, and the difference, which is what the copies bring. Paired over seeds, with "
    "95 % t intervals; more is better."
)


class TransferLeak(TableExhibit):
    """A block per dataset with groups of copies."""

    place = PLACE + 1

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take the runs that differ in capacity, if some leave the leaks out."""
        keys = chosen(plan, "hidden_dim", *CAPACITY)
        dropped = [key for key in keys if plan.changes(key[1:]).get("training.leaks") == "drop"]
        return {NAME: Needs(subsets=keys)} if dropped else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        pairs = with_and_without_leaks(sweeps(read_runs(needs)))
        check_some(pairs, NAME)
        blocks = tuple(_block(needs, *pair) for pair in pairs)
        runs = [kept.first for kept, _ in pairs]
        return Table(NAME, "Gains of tasks together, with leaks and without", blocks,
                     notes(runs, NOTE))  # fmt: skip


def _block(needs: Needs, kept: Sweep, dropped: Sweep) -> Block:
    gains = [sweep.gains() for sweep in (kept, dropped)]
    rows = [_row(kept, dropped, task, *(gain[task] for gain in gains)) for task in kept.first.tasks]
    rows.append(_row(kept, dropped, ALL_TASKS, *(gain.mean(axis=1) for gain in gains)))
    columns = ("gain with leaks", "gain without", "brought by leaks")
    return Block(title_of(needs, kept.first), "Task", tuple(map(Column, columns)), tuple(rows))


def _row(
    kept: Sweep, dropped: Sweep, task: str, ours: "pd.Series[float]", other: "pd.Series[float]"
) -> Row:
    metric = kept.first.metrics(METRIC)[kept.first.tasks[0] if task == ALL_TASKS else task]
    sources = [source_of(sweep.first, metric, task, len(ours)) for sweep in (kept, dropped)]
    cells = (
        difference_cell(difference_of(ours), sources[0]),
        difference_cell(difference_of(other), sources[1]),
        difference_cell(difference_of((ours - other).dropna()), sources[0]),
    )
    return Row("mean of all" if task == ALL_TASKS else task, cells)


EXHIBIT = TransferLeak()
