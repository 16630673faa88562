"""How much of what tasks gain together is test rows that other tasks train on."""

import pandas as pd

from mtnas.evidence.statistics import difference_of
from mtnas.evidence.transfer_studies.capacity import (
    METRIC,
    Sweep,
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
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import ALL_TASKS

NAME = "transfer_leak"
COLUMNS = {
    "keep": "gain with leaks",
    "control": "gain without as many other rows",
    "drop": "gain without",
}
BROUGHT = {"keep": "brought by leaks", "control": "brought by leaks, rows being as many"}
NOTE = (
    "What each task gains from being learned with the others, each side at the capacity that is "
    "best on validation: with the training rows that are copies of a test row of some task, "
    "without them, and the difference, which is what the copies bring. Paired over seeds, with "
    "95 % t intervals (corrected where splits overlap); more is better."
)


class TransferLeak(TableExhibit):
    """A block per dataset with groups of copies, and company."""

    place = PLACE + 1

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in capacity, if some leave the leaks out."""
        keys = chosen(plan, "hidden_dim", *CAPACITY)
        dropped = [key for key in keys if plan.changes(key[1:]).get("training.leaks") == "drop"]
        return {NAME: Needs(subsets=keys)} if dropped else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        pairs = with_and_without_leaks(read_runs(needs))
        check_some(pairs, NAME)
        blocks = tuple(_block(needs, by_leaks) for by_leaks in pairs)
        runs = [by_leaks["keep"].first for by_leaks in pairs]
        return Table(NAME, "Gains of tasks together, with leaks and without", blocks,
                     notes(runs, NOTE))  # fmt: skip


def _block(needs: Needs, by_leaks: dict[str, Sweep]) -> Block:
    kept = by_leaks["keep"]
    gains = {leaks: sweep.gains() for leaks, sweep in by_leaks.items()}
    rows = [
        _row(by_leaks, task, {leaks: gain[task] for leaks, gain in gains.items()})
        for task in kept.tasks
    ]
    rows.append(_row(by_leaks, ALL_TASKS, {k: gain.mean(axis=1) for k, gain in gains.items()}))
    columns = [Column(COLUMNS[leaks]) for leaks in COLUMNS if leaks in by_leaks]
    columns += [Column(f"{BROUGHT[leaks]}") for leaks in BROUGHT if leaks in by_leaks]
    sizes = ", ".join(map(str, kept.runs))
    title = f"{title_of(needs, kept.first)}: {kept.together}, of capacity {sizes}"
    return Block(title, "Task", tuple(columns), tuple(rows))


def _row(by_leaks: dict[str, Sweep], task: str, gains: "dict[str, pd.Series[float]]") -> Row:
    """Return the gains of a task, and what they lose without leaks."""
    first = by_leaks["keep"].first
    metric = first.metrics(METRIC)[by_leaks["keep"].tasks[0] if task == ALL_TASKS else task]
    shown = {leaks: gains[leaks] for leaks in COLUMNS if leaks in gains}
    lost = {leaks: gains[leaks] - gains["drop"] for leaks in BROUGHT if leaks in gains}
    cells = [
        difference_cell(
            difference_of(values.dropna(), first.resampling),
            source_of(by_leaks[leaks].first, metric, task, len(values.dropna())),
        )
        for of in (shown, lost)
        for leaks, values in of.items()
    ]
    return Row("mean of all" if task == ALL_TASKS else task, tuple(cells))


EXHIBIT = TransferLeak()
