"""Why Single wins: what is left of its lead when a joint model is given what Single has."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mtnas.config.entries import PAPER
from mtnas.evidence.pairing import SINGLE, Row
from mtnas.evidence.statistics import Difference
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import Names, dataset_name
from mtnas.report.render.layout import Table
from mtnas.report.runs import Results, read_results
from mtnas.report.scores import compared
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import MTL_LOSS, direction

NAME = "why_single"  # of the table, and of the experiment that it is of
TITLE = "Why Single wins: test scores with what sets it apart changed one thing at a time"


class WhySingle(TableExhibit):
    """The runs of experiment `why_single`, all compared with Single."""

    place = 60

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take all runs of the experiment."""
        runs = tuple(plan.experiments.get(NAME, ()))
        data = tuple(dict.fromkeys(run[0] for run in runs))
        return {NAME: Needs(runs=runs, manifests=data)} if runs else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return why_single(needs.run_folders, needs.names, needs.manifest_files)


def why_single(
    run_folders: Sequence[str | Path],
    names: Names | None = None,
    manifests: Sequence[str | Path] = (),
) -> Table:
    """Build the table of experiment `why_single`, with the answer in its notes.

    Raises:
        RecordError: a run is incomplete, or two runs to be compared have no seed in common.
    """
    results = read_results(run_folders, SINGLE, names, manifests)
    table = compared(results, NAME, TITLE)
    return replace(table, notes=(*_answers(results), *table.notes))


def _answers(results: Results) -> list[str]:
    """Say for every task in which Single surely leads a joint model what is left of the lead."""
    found = []
    for dataset in results.datasets:
        single = results.get(dataset, SINGLE)
        joint = [row for row in results.rows if row[1] == PAPER and row != SINGLE]
        for column in single.columns if single else []:
            if column == MTL_LOSS:
                continue
            for base in joint:
                lead = _lead(results, dataset, base, column)
                if lead is not None and lead.low is not None and lead.low > 0:
                    found.append(_answer(results, dataset, column, base, lead))
    return found


def _answer(results: Results, dataset: str, column: str, base: Row, lead: Difference) -> str:
    variants = [row for row in results.rows if row[0] == base[0] and row != base]
    left = {row: _lead(results, dataset, row, column) for row in variants}
    parts = [
        f"{results.name(row)} {_interval(gain)}, {_gone(1 - gain.mean / lead.mean)}"
        for row, gain in left.items()
        if gain is not None
    ]
    tail = f" What is left of it: {'; '.join(parts)}." if parts else ""
    name = dataset_name(dataset, results.simulated(dataset))
    leads = f"Single leads {results.name(base)} by {_interval(lead)}"
    return f"{name} {results.heading(dataset, column)}: {leads}.{tail}"


def _gone(share: float) -> str:
    return "a larger lead" if share < 0 else f"{share:.0%} of the lead gone"


def _lead(results: Results, dataset: str, row: Row, column: str) -> Difference | None:
    """Return by how much Single is better than another run in one score, paired by seed."""
    single, other = results.get(dataset, SINGLE), results.get(dataset, row)
    if not single or not other or column not in other.scores:
        return None
    first, second = (single, other) if direction(column) == "higher" else (other, single)
    return first.over(second, column)


def _interval(gain: Difference) -> str:
    if gain.low is None:  # one seed in common
        return f"{gain.mean:.4f}".replace("-", "−")
    return f"{gain.mean:.4f} [{gain.low:.4f}, {gain.high:.4f}]".replace("-", "−")


EXHIBIT = WhySingle()
