"""Which cheap measure of two tasks told what they gain from each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtnas.evidence.diagnosis.pooled import pooled
from mtnas.evidence.diagnosis.predict import Predicts
from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.diagnosis.text import SAME_ROWS
from mtnas.report.exhibits._diagnoses import (
    PLACE,
    metric_title,
    notes,
    of_all,
    read_diagnoses,
    title_of,
)
from mtnas.report.exhibits.base import Needs, NothingToShowError, TableExhibit
from mtnas.report.names import counted
from mtnas.report.render.layout import Block, Cell, Column, Row, Source, Table

if TYPE_CHECKING:
    from mtnas.study.plan import Plan

NAME = "measures_told"
NOTHING = "predicts nothing that these pairs can show"
COLUMNS = (Column("Spearman's rho"), Column("Ordered pairs"), Column("It", words=True))
NOTE = (
    "Rank correlation of each measure of two tasks (first, second; of a layer of the model in "
    "brackets) with what the second gains when it is trained with the first, test split, means "
    "over seeds. In brackets its 95 % interval, by a bootstrap over pairs of tasks, both "
    "directions of a pair together; bold where it excludes zero. That is so by chance for one in "
    "twenty measures that tell nothing. svd_weight is of the first task alone."
)


class MeasuresTold(TableExhibit):
    """A block over all datasets whose gains are in one metric, then one for each dataset."""

    place = PLACE + 2

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take all diagnoses."""
        return of_all(plan, NAME)

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        found = read_diagnoses(needs)
        paths = dict(zip(needs.diagnoses, needs.diagnosis_files, strict=True))
        several = {
            f"All data sets with gains in {metric_title(metric)}": judged
            for metric, judged in pooled(found).items()
            if sum(one.metric == metric for one in found) > 1
        }
        own = {
            f"{title_of(one)} (gains in {metric_title(one.metric)}, "
            f"{counted(len(one.seeds), 'seed')})": one.predicts
            for one in found
        }
        blocks = tuple(
            _block(title, judged, paths)
            for title, judged in (several | own).items()
            if any(one.rho is not None for one in judged)  # else there are too few pairs of tasks
        )
        if not blocks:
            raise NothingToShowError(f"{NAME}: no diagnosis has pairs of tasks that can be ranked")
        told = [NOTE, *_same_rows(found)]
        return Table(NAME, "What cheap measures tell of gains", blocks, notes(found, *told))


def _same_rows(found: Sequence[Diagnosis]) -> list[str]:
    """Say why the similarity of inputs is no measure of most datasets."""
    names = ", ".join(title_of(one) for one in found if one.same_rows)
    return [f"Tasks with labels in the same rows ({names}): {SAME_ROWS}."] if names else []


def _block(title: str, judged: Sequence[Predicts], paths: dict[str, str]) -> Block:
    return Block(title, "Measure", COLUMNS, tuple(_row(own, paths) for own in judged if own.pairs))


def _row(own: Predicts, paths: dict[str, str]) -> Row:
    source = Source(
        " + ".join(own.datasets),
        metric=own.title,
        run_folder=" + ".join(paths[name] for name in own.datasets),
    )
    rho = Cell(own.rho, "correlation", low=own.low, high=own.high, strong=own.told, source=source)
    return Row(own.title, (rho, Cell(own.pairs, "count", source=source), Cell(words=_said(own))))


def _said(own: Predicts) -> str:
    """Say what a measure predicts."""
    if own.rho is None:
        return "cannot be judged: too few pairs, or all alike"
    if own.low is None:
        return "cannot be judged: too few pairs for an interval"
    if not own.told:
        return NOTHING
    return f"predicts gains: the larger, the {'more' if own.rho > 0 else 'less'} is gained"


EXHIBIT = MeasuresTold()
