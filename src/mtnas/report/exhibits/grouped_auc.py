"""AUC within groups of test rows, such as those of one user, beside the AUC of all of them."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.predictions import (
    Predictions,
    check_table,
    colliding,
    groups_by,
    predictions_of,
)
from mtnas.evidence.records import Run, read_run
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import Names, column_name, counted, dataset_name
from mtnas.report.render.layout import Block, Cell, Column, Row, Source, Table
from mtnas.study.plan import Plan
from mtnas.tasks.grouped_auc import GroupedAuc, grouped_auc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "grouped_auc"
NOTE = (
    "Mean ± standard deviation over seeds, test split. Within: the AUC of the rows of every group, "
    "mean over groups weighted by their rows; overall: the AUC of all rows."
)
Found = dict[str, list[tuple[GroupedAuc, float | None]]]  # by task, of every seed: within, overall


class GroupedAucs(TableExhibit):
    """A block per dataset of `grouped_auc`, a row per run."""

    place = 90

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs of the main comparison on these datasets, or all if there are none."""
        asked = dict(plan.grouped_auc)
        if not asked:
            return {}
        runs = tuple(run for dataset in asked for run in plan.compared_on(dataset))
        names, facts = tuple(asked), {"fields": asked}
        needs = Needs(runs=runs, manifests=names, tables=names, of_rows=True, facts=facts)
        return {NAME: needs} if runs else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        fields: Mapping[str, str] = needs.facts["fields"]
        runs = list(map(read_run, needs.run_folders))
        blocks, notes = [], [NOTE]
        for path, table in zip(needs.manifest_files, needs.table_files, strict=True):
            manifest = Manifest.read(path)
            own = [run for run in runs if run.key[0] == manifest.dataset]
            field = fields[manifest.dataset]
            found = _measured(own, manifest, groups_by(manifest, table, field))
            blocks.append(_block(own, manifest, field, found, needs.names))
            notes += _notes(manifest, field, found[0])
        return Table(NAME, "AUC within groups of test rows", tuple(blocks), tuple(notes))


def _measured(runs: Sequence[Run], manifest: Manifest, groups: "NDArray[np.int64]") -> list[Found]:
    """Return what is found of every run."""
    measured = []
    for run in runs:
        check_table(run, manifest)
        found: Found = {}
        for of in predictions_of(run, manifest.tasks, kinds=("binary",)):
            within = grouped_auc(of.p, of.came_true, groups[of.row])
            found.setdefault(of.task.name, []).append((within, _overall(of)))
        measured.append(found)
    return measured


def _overall(of: Predictions) -> float | None:
    """Return the AUC of all rows: that of one group."""
    return grouped_auc(of.p, of.came_true, of.row * 0).value


def _block(
    runs: Sequence[Run], manifest: Manifest, field: str, found: Sequence[Found], names: Names
) -> Block:
    tasks = list(found[0])
    columns = [
        Column(f"{column_name(f'auc_{task}')}, {which}")
        for task in tasks
        for which in (f"within {field}", "overall")
    ]
    rows = [
        Row(
            f"{names.run(*run.key[1:])} ({counted(len(run.record.spec.seeds), 'seed')})",
            tuple(cell for task in tasks for cell in _cells(run, task, of[task])),
        )
        for run, of in zip(runs, found, strict=True)
    ]
    return Block(
        dataset_name(manifest.dataset, manifest.simulated), "Method", tuple(columns), tuple(rows)
    )


def _cells(run: Run, task: str, of: Sequence[tuple[GroupedAuc, float | None]]) -> list[Cell]:
    within = [own.value for own, _ in of if own.value is not None]
    overall = [value for _, value in of if value is not None]
    return [
        _cell(run, task, "grouped_auc", within),
        _cell(run, task, "auc", overall),
    ]


def _cell(run: Run, task: str, metric: str, values: Sequence[float]) -> Cell:
    """Return mean and spread over the seeds that have a value."""
    dataset, method, variant = run.key
    source = Source(
        dataset=dataset,
        method=method,
        variant=variant,
        metric=metric,
        task=task,
        seeds=len(values),
        run_folder=run.folder.as_posix(),
        code=run.record.code or "",
    )
    if not values:
        return Cell(words="no group has both labels", source=source)
    spread = stdev(values) if len(values) > 1 else None
    return Cell(fmean(values), spread=spread, source=source)


def _notes(manifest: Manifest, field: str, of: Found) -> list[str]:
    """Say how many groups count and how many are left out; all runs have the same test rows."""
    name = dataset_name(manifest.dataset, manifest.simulated)
    notes = []
    for task, seeds in of.items():
        counts = [within for within, _ in seeds]
        groups, lost = fmean(g.groups for g in counts), fmean(g.groups_left_out for g in counts)
        share = fmean(g.rows_left_out / (g.rows + g.rows_left_out) for g in counts)
        notes.append(
            f"{name}, task {task}: a test split has {groups:,.0f} groups by {field} that count; "
            f"{lost:,.0f} groups ({share:.1%} of the rows) have one label only and are left out."
        )
    if shared := colliding(manifest, field):
        notes.append(
            f"{name}: {counted(shared, 'value')} of {field} have the id of another value of it, by "
            "the hash, and are one group with that."
        )
    return notes


EXHIBIT = GroupedAucs()
