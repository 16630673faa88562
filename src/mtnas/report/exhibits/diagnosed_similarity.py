"""How similar the inputs of the tasks of diagnosed datasets are, and so what alignment could do."""

from typing import TYPE_CHECKING

from mtnas.config.entries import DIAGNOSIS, PAPER
from mtnas.evidence.diagnosis.diagnosis import same_rows
from mtnas.evidence.subsets_record import InputSimilarity
from mtnas.evidence.transfer_studies.runs import SubsetRun
from mtnas.report.exhibits._diagnoses import PLACE
from mtnas.report.exhibits._subsets import notes, read_runs, source_of
from mtnas.report.exhibits.base import Needs, NothingToShowError, TableExhibit
from mtnas.report.names import counted, dataset_name
from mtnas.report.render.layout import Block, Cell, Column, Row, Table

if TYPE_CHECKING:
    from mtnas.study.plan import Plan

NAME = "diagnosed_similarity"
COLUMNS = (
    Column("Pairs"),
    Column("least alike", "Normalised"),
    Column("most alike", "Normalised"),
    Column("least alike", "Without means"),
    Column("most alike", "Without means"),
    Column("Inputs", words=True),
)
SAME = "one X for all: 1 by construction; a matrix per task is one more layer of its own"
OWN = "measured on the training rows of each task"
NOTE = (
    "Normalised covariance similarity (Eq. 5 of Wu, Zhang, Ré; 1: equal covariances) of what the "
    "shared part reads for the two tasks of a pair, mean over seeds: of the pair that is least "
    "alike, and of the one that is most. Where all tasks have labels in the same rows their inputs "
    "are one matrix, and the similarity is no measurement: it cannot tell pairs apart, and "
    "alignment has nothing to align."
)


class DiagnosedSimilarity(TableExhibit):
    """A row per dataset."""

    place = PLACE + 3

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take the subsets of tasks of all diagnoses, with the tables that all tasks share."""
        keys = [key for key in plan.all_subset_runs if (key[0], key[3]) == (DIAGNOSIS, PAPER)]
        return {NAME: Needs(subsets=tuple(keys))} if keys else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        runs = read_runs(needs)
        rows = tuple(row for run in runs if (row := _row(run)))
        if not rows:
            raise NothingToShowError(f"{NAME}: of no diagnosis the similarity of inputs is known")
        block = Block("", "Data set", COLUMNS, rows)
        return Table(NAME, "Similarity of inputs of diagnosed tasks", (block,), notes(runs, NOTE))


def _row(run: SubsetRun) -> Row | None:
    """Return the row of a dataset; None where rows differ and nothing was measured."""
    count = len(run.tasks) * (len(run.tasks) - 1) // 2
    same, found = same_rows(run.scores), _of_pairs(run)
    if not same and not found:
        return None
    seeds = len(run.scores.record.spec.seeds)
    cells = [Cell(float(count), "count")]
    for name in ("normalised", "centred_normalised"):
        values = [1.0] if same else sorted(getattr(own, name) for own in found)
        source = source_of(run, name, "", seeds)
        cells += [Cell(value, "share", source=source) for value in (values[0], values[-1])]
    title = f"{dataset_name(run.key[1], run.simulated)} ({counted(seeds, 'seed')})"
    return Row(title, (*cells, Cell(words=SAME if same else OWN)))


def _of_pairs(run: SubsetRun) -> list[InputSimilarity]:
    """Return the mean similarity over seeds of every pair."""
    pairs: dict[str, list[InputSimilarity]] = {}
    for fit in run.scores.record.fits:
        if fit.similarity is not None:
            pairs.setdefault(fit.subset, []).append(fit.similarity)
    return [
        InputSimilarity(
            **{
                name: sum(getattr(one, name) for one in own) / len(own)
                for name in InputSimilarity.model_fields
            }
        )
        for own in pairs.values()
    ]


EXHIBIT = DiagnosedSimilarity()
