"""The best capacities of tasks alone and together, and what they score there (Wu, Zhang, Ré)."""

import pandas as pd

from mtnas.evidence.statistics import difference_of, summarize
from mtnas.evidence.transfer_studies.capacity import ALONE, METRIC, TOGETHER, Sweep, sweeps
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
from mtnas.report.paper import transfer_results
from mtnas.report.render.layout import Block, Cell, Column, Row, Table
from mtnas.runtime.files import Json
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import ALL_TASKS

NAME = "transfer_capacity"
COLUMNS = ("best capacity alone", "alone", "together", "gain")
NOTE = (
    "Each task alone at the capacity that is best on validation, a mean over seeds, and all tasks "
    "together at the one that is best for their mean; test scores there, mean ± standard "
    "deviation over seeds; their difference is paired, with its 95 % t interval "
    "(corrected where splits overlap), more is better. "
    "Overall: the sum of the capacities, the means of the scores. 'paper': the number printed by "
    "Wu, Zhang, Ré (ICLR 2020, Fig. 6) for an LSTM; its column 'together' is printed with the mean "
    "85.1 %, but its six numbers have the mean 86.8 %."
)


class TransferCapacity(TableExhibit):
    """A block per dataset, with its leaks and without."""

    place = PLACE

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in capacity, or in leaks."""
        keys = chosen(plan, "hidden_dim", *CAPACITY)
        return {NAME: Needs(subsets=keys, transfer_paper=True)} if keys else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        found = sweeps(read_runs(needs))
        check_some(found, NAME)
        blocks = tuple(_block(needs, sweep) for sweep in found)
        runs = [sweep.first for sweep in found]
        return Table(NAME, "Capacity: tasks alone and together", blocks, notes(runs, NOTE))


def _block(needs: Needs, sweep: Sweep) -> Block:
    title = f"{title_of(needs, sweep.first)} ({_metric(sweep, sweep.first.tasks[0])})"
    together = sweep.best_together()
    columns = [*COLUMNS[:2], f"{COLUMNS[2]}, capacity {together}", COLUMNS[3]]
    rows = [_task(sweep, task, capacity) for task, capacity in sweep.best_alone().items()]
    return Block(title, "Task", tuple(map(Column, columns)), (*rows, _overall(sweep)))


def _task(sweep: Sweep, task: str, capacity: int) -> Row:
    printed = _printed(sweep).get(task, {})
    alone = sweep.scores(ALONE, task, "test")[capacity]
    together = sweep.scores(TOGETHER, task, "test")[sweep.best_together()]
    return Row(task, _cells(sweep, task, capacity, alone, together, printed))


def _overall(sweep: Sweep) -> Row:
    best = sweep.best_alone()
    each = [sweep.scores(ALONE, task, "test")[capacity] for task, capacity in best.items()]
    together = sweep.mean_scores(TOGETHER, "test")[sweep.best_together()]
    printed = transfer_results()["capacity"]["overall"] if _printed(sweep) else {}
    alone = pd.concat(each, axis=1).mean(axis=1)
    cells = _cells(sweep, ALL_TASKS, sum(best.values()), alone, together, printed)
    return Row("overall", cells)


def _cells(
    sweep: Sweep,
    task: str,
    capacity: int,
    alone: "pd.Series[float]",
    together: "pd.Series[float]",
    printed: Json,
) -> tuple[Cell, ...]:
    """Return the cells of a task or of all; scores are oriented so that more is better."""
    some = sweep.first.tasks[0] if task == ALL_TASKS else task
    sign, metric = sweep.first.better(some, METRIC), _metric(sweep, some)
    sources = [source_of(sweep.first, name, task, len(alone)) for name in ("capacity", metric)]
    size = Cell(capacity, "count", paper=printed.get("capacity"), source=sources[0])
    scores = [
        Cell(found.mean, "score", found.sd, paper=_share(printed.get(key)), source=sources[1])
        for key, values in (("alone", alone), ("together", together))
        for found in [summarize(sign * values)]
    ]
    gain = difference_of(together - alone, sweep.first.resampling)
    return size, *scores, difference_cell(gain, sources[1])


def _metric(sweep: Sweep, task: str) -> str:
    return sweep.first.metrics(METRIC)[task]


def _printed(sweep: Sweep) -> Json:
    """Return the printed numbers if the tasks are those of the source, measured as there."""
    printed = transfer_results()["capacity"]["tasks"]
    same = set(printed) == set(sweep.first.tasks) and not sweep.first.simulated
    return printed if same else {}


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


EXHIBIT = TransferCapacity()
