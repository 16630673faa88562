"""How much of the spread of scores is the luck of initialisations, and how much that of splits."""

from collections.abc import Sequence

import pandas as pd

from mtnas.evidence.records import Run, read_run, wide
from mtnas.evidence.restarts import Components, by_restart, components
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import Names, column_name, counted, dataset_name
from mtnas.report.render.layout import Block, Cell, Column, Kind, Row, Source, Table
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import in_tables, split_column

NAME = "restarts"
TITLE = "Luck of the split and luck of the initialisation"
HEADS = ("between splits", "within a split", "share within")
NOTE = (
    "Standard deviations of a test score, estimated from several initialisations of every split "
    "(analysis of variance of one way, random effects). Between splits: of what a split is worth "
    "on average over initialisations. Within a split: of trainings that differ in initialisation "
    "and batches alone, a search with them. Share within: what part of the variance of one "
    "training that is. 0.0000 between splits: the estimate of a variance is negative, splits "
    "differ no more than chance. Random splits of one table share rows, so this speaks of splits "
    "of these tables."
)


class Restarts(TableExhibit):
    """A block per dataset, a row per run and score."""

    place = 95

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs whose splits have restarts."""
        return {NAME: Needs(runs=plan.restarted)} if plan.restarted else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        runs = list(map(read_run, needs.run_folders))
        blocks = [
            _block([run for run in runs if run.key[0] == dataset], needs.names)
            for dataset in dict.fromkeys(run.key[0] for run in runs)
        ]
        return Table(NAME, TITLE, tuple(blocks), (NOTE,))


def _block(runs: Sequence[Run], names: Names) -> Block:
    """Return the block of one dataset."""
    scores = {run.key: wide(run.metrics) for run in runs}
    columns = in_tables(dict.fromkeys(name for own in scores.values() for name in own.columns))
    heads = [Column(f"{column_name(name)}, {head}") for name in columns for head in HEADS]
    rows = tuple(
        Row(
            _label(run, names),
            tuple(cell for name in columns for cell in _cells(run, scores[run.key], name)),
        )
        for run in runs
    )
    first = runs[0]
    return Block(dataset_name(first.key[0], first.record.simulated), "Method", tuple(heads), rows)


def _label(run: Run, names: Names) -> str:
    restarts = run.record.spec.trained.restarts
    splits = len(run.record.spec.seeds) // restarts
    return f"{names.run(*run.key[1:])} ({counted(splits, 'split')} × {restarts})"


def _cells(run: Run, scores: pd.DataFrame, column: str) -> list[Cell]:
    """Return both standard deviations, and the share; nothing where there is one split."""
    if column not in scores:
        return [Cell()] * len(HEADS)
    grid_IJ = by_restart(scores[column])
    if len(grid_IJ) < 2:
        return [Cell(words="one split")] * len(HEADS)
    found: Components = components(grid_IJ.to_numpy())
    values: list[tuple[str, float | None, Kind]] = [
        ("sd_between_splits", found.sd("between"), "score"),
        ("sd_within_splits", found.sd("within"), "score"),
        ("share_within", found.share_within, "share"),
    ]
    return [Cell(value, kind, source=_source(run, column, name)) for name, value, kind in values]


def _source(run: Run, column: str, name: str) -> Source:
    dataset, method, variant = run.key
    metric, task = split_column(column)
    seeds, folder = len(run.record.spec.seeds), run.folder.as_posix()
    named = f"{name}_of_{metric}"
    return Source(dataset, method, variant, named, task, seeds, folder, run.record.code or "")


EXHIBIT = Restarts()
