"""How similar the inputs of two tasks are to what they share, before alignment and after it."""

import pandas as pd

from mtnas.evidence.transfer_studies.alignment import similarities
from mtnas.evidence.transfer_studies.runs import over_seeds
from mtnas.report.exhibits._subsets import CAPACITY, PLACE, chosen, notes, read_runs
from mtnas.report.exhibits.base import Needs, NothingToShowError, TableExhibit
from mtnas.report.exhibits.transfer_alignment import group_title, groups_of
from mtnas.report.names import counted
from mtnas.report.paper import transfer_results
from mtnas.report.render.layout import Block, Cell, Column, Row, Source, Table
from mtnas.study.plan import Plan

NAME = "transfer_similarity"
SHOWN = {
    "score": "Score",
    "normalised": "Normalised",
    "centred_normalised": "Normalised, without means",
}
RISING = "pairs that become more similar (share)"
NOTE = (
    "Covariance similarity (Eq. 5 of Wu, Zhang, Ré) of what the shared part reads for the two "
    "tasks of a pair, on the training rows of each: the score of the source, which depends on the "
    "rank of the data; normalised, so that equal covariances have 1; and that without the means of "
    "the inputs, which else dominate. Means over seeds, before (no alignment) and after. Bold: the "
    "95 % t interval of the change, paired over seeds (corrected where splits overlap), lies above "
    "zero."
)


class TransferSimilarity(TableExhibit):
    """A block per dataset and capacity, a row per pair."""

    place = PLACE + 2

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in alignment, capacity or leaks."""
        keys = chosen(plan, "training.alignment", *CAPACITY)
        return {NAME: Needs(subsets=keys, transfer_paper=True)} if keys else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        runs = read_runs(needs)
        found = similarities(runs)
        if found.empty:
            raise NothingToShowError(
                f"{NAME}: no two tasks with rows of their own were trained with alignment and "
                "without; where tasks share their rows, their inputs are the same"
            )
        blocks = tuple(_block(needs, rows) for rows in groups_of(found))
        printed = transfer_results()["alignment"]
        told = f"Printed: {printed['pairs']} of {printed['pairs']} pairs become more similar."
        return Table(
            NAME, "Similarity of inputs before and after alignment", blocks, notes(runs, NOTE, told)
        )


def _block(needs: Needs, rows: pd.DataFrame) -> Block:
    alignments = list(dict.fromkeys(rows["alignment"]))
    columns = [Column(name, group) for group in SHOWN.values() for name in ("before", *alignments)]
    grid = {pair: _cells(own, alignments) for pair, own in rows.groupby("pair", sort=False)}
    body = [Row(str(pair).replace("+", " + "), cells) for pair, cells in grid.items()]
    seeds = counted(rows["seed"].nunique(), "seed")
    return Block(
        f"{group_title(needs, rows)} ({seeds})", "Pair", tuple(columns),
        (*body, Row(RISING, _shares(rows, alignments))),
    )  # fmt: skip


def _cells(own: pd.DataFrame, alignments: list[str]) -> tuple[Cell, ...]:
    """Return the cells of a pair: for every score before, and after each alignment."""
    cells = []
    for name in SHOWN:
        source = _source(own, name)
        cells.append(Cell(float(own[f"{name}_before"].mean()), "share", source=source))
        for alignment in alignments:
            after = own[own["alignment"] == alignment]
            rise = over_seeds(_rise(after, name), ["pair"], "rise").iloc[0]
            cells.append(
                Cell(float(after[name].mean()), "share", strong=rise["low"] > 0, source=source)
            )
    return tuple(cells)


def _shares(rows: pd.DataFrame, alignments: list[str]) -> tuple[Cell, ...]:
    """Return the shares of pairs whose mean over seeds rises."""
    cells = []
    for name in SHOWN:
        cells.append(Cell(kind="share"))
        means = _rise(rows, name).groupby(["alignment", "pair"])["rise"].mean()
        cells += [
            Cell(float((means[alignment] > 0).mean()), "share", source=_source(rows, name))
            for alignment in alignments
        ]
    return tuple(cells)


def _rise(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows.assign(rise=rows[name] - rows[f"{name}_before"])


def _source(rows: pd.DataFrame, name: str) -> Source:
    first = rows.iloc[0]
    pair = str(first["pair"]) if rows["pair"].nunique() == 1 else ""
    seeds = int(rows["seed"].nunique())
    return Source(first["dataset"], first["method"], metric=name, task=pair, seeds=seeds)


EXHIBIT = TransferSimilarity()
