"""Which tasks of each diagnosed dataset should share a model, in sentences."""

from typing import TYPE_CHECKING

from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.diagnosis.truth import Interval
from mtnas.report.exhibits._diagnoses import (
    PLACE,
    metric_title,
    notes,
    of_all,
    read_diagnoses,
    source_of,
    title_of,
)
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.names import counted
from mtnas.report.render.layout import Block, Cell, Column, Row, Table

if TYPE_CHECKING:
    from mtnas.study.plan import Plan

NAME = "recommendations"
BASELINES = {"apart": "a model for each task", "together": "one model for all"}
COLUMNS = (
    Column("Groups", words=True),
    Column("Expected gain"),
    Column("of", words=True),
    Column("Tables per task"),
    Column("Recommendation", words=True),
)
NOTE = (
    "Groups: tasks joined by + share a model. Expected gain: of the recommended groups over what "
    "is named beside it, test split, mean over the tasks, paired over seeds, with 95 % t "
    "interval (corrected where splits overlap), "
    "bold where it excludes zero; positive is better. Groups were chosen on validation. One model "
    "for all is recommended unless another choice is measurably better. Tables per task: what "
    "embedding tables of its own for each task gain over the tables of the recommended groups, all "
    "else alike; of tasks that are kept apart, in one model for all, over a model for each."
)
NOT_MEASURED = "not measured"


class Recommendations(TableExhibit):
    """A row per dataset."""

    place = PLACE

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take all diagnoses."""
        return of_all(plan, NAME)

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        found = read_diagnoses(needs)
        rows = map(_row, found, needs.diagnosis_files)
        block = Block("", "Data set", COLUMNS, tuple(rows))
        return Table(NAME, "Recommended groups of tasks", (block,), notes(found, NOTE))


def _row(found: Diagnosis, path: str) -> Row:
    groups = "; ".join(" + ".join(group) for group in found.grouping.recommended)
    over = f"{metric_title(found.metric)}, over {BASELINES[found.grouping.instead_of]}"
    cells = (
        Cell(words=groups),
        _gain(found, path, found.grouping.expected),
        Cell(words=over),
        Cell(words=NOT_MEASURED) if found.tables is None else _gain(found, path, found.tables),
        Cell(words=" ".join(found.sentences)),
    )
    return Row(f"{title_of(found)} ({counted(len(found.seeds), 'seed')})", cells)


def _gain(found: Diagnosis, path: str, gain: Interval) -> Cell:
    return Cell(
        gain.mean,
        "difference",
        low=gain.low,
        high=gain.high,
        p_value=gain.p_value,
        strong=gain.sign != 0,
        source=source_of(found, path, found.metric),
    )


EXHIBIT = Recommendations()
