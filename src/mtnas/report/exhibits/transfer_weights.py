"""What weights of tasks gain over equal ones under label noise, as numbers."""

import pandas as pd

from mtnas.evidence.statistics import difference_of, summarize
from mtnas.evidence.transfer_studies.reweighting import noisy_weights, weight_gains
from mtnas.report.cells import difference_cell, in_family
from mtnas.report.exhibits._subsets import PLACE, check_some, notes, read_runs
from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.exhibits.transfer_reweighting import BY, TITLES, weights_of
from mtnas.report.names import counted, dataset_name
from mtnas.report.render.layout import FAMILY, Block, Cell, Column, Row, Source, Table
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import metric_of

NAME = "transfer_weights"
NOTE = (
    "What weights of tasks gain over equal weights with the same noise in the training labels of "
    "one task, by the share of its noisy labels (validation and test are clean), on the mean of "
    "all tasks and of all but the noisy one; oracle: the model of these others. Paired over seeds, "
    "with 95 % t intervals (corrected where splits overlap), bold where they exclude zero; more is "
    "better; "
    f"{FAMILY} where Holm's p-value over the whole block is below .05. Last rows: what the noisy "
    "task weighs in proportion to the mean of the others, mean ± standard deviation over seeds."
)


class TransferWeights(TableExhibit):
    """A block per dataset and noisy task, a column per share of noise."""

    place = PLACE + 3

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in weights of tasks and label noise."""
        keys = weights_of(plan)
        return {NAME: Needs(subsets=keys)} if keys else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        runs = read_runs(needs)
        gains = weight_gains(runs)
        check_some(gains, NAME)
        weights = noisy_weights(runs)
        blocks = tuple(
            _block(rows, weights[(weights[BY[:5]] == list(key)).all(axis=1)])
            for key, rows in gains.groupby(BY[:5], sort=False)
        )
        return Table(NAME, "Weights of tasks under label noise", blocks, notes(runs, NOTE))


def _block(rows: pd.DataFrame, weights: pd.DataFrame) -> Block:
    first = rows.iloc[0]
    name = dataset_name(first["dataset"], bool(first["simulated"]))
    noisy = f", noise in {first['noisy']}" * bool(first["noisy"])
    seeds = counted(rows["seed"].nunique(), "seed")
    shares = sorted(set(rows["share"]))
    keys = list(dict.fromkeys(zip(rows["judged"], rows["weighting"], strict=True)))
    grid = [[_cell(rows, *key, share) for share in shares] for key in sorted(keys)]
    body = [
        Row(f"{TITLES.get(weighting, weighting)}, {judged}", tuple(cells))
        for (judged, weighting), cells in zip(sorted(keys), in_family(grid), strict=True)
    ]
    body += [
        Row(f"{TITLES.get(str(name), name)}, weight of {first['noisy']}", _weights(own, shares))
        for name, own in weights.groupby("weighting", sort=False)
    ]
    columns = tuple(Column(f"{share:.0%} noise") for share in shares)
    title = f"{name}{noisy} ({metric_of(first['metric']).title}, {seeds})"
    return Block(title, "Weights", columns, tuple(body))


def _weights(own: pd.DataFrame, shares: list[float]) -> tuple[Cell, ...]:
    """Return what the noisy task weighs by the share of noise; without noise, what it did then."""
    cells = []
    for share in shares:
        ratio = (
            own[own["share"] == share]["ratio"] if share else own.groupby("seed")["before"].first()
        )
        of = ratio.dropna()
        if of.empty:
            cells.append(Cell(kind="share"))
            continue
        found = summarize(of)
        source = Source(own.iloc[0]["dataset"], own.iloc[0]["method"], metric="weight",
                        task=own.iloc[0]["noisy"], seeds=found.n)  # fmt: skip
        cells.append(Cell(found.mean, "share", found.sd, source=source))
    return tuple(cells)


def _cell(rows: pd.DataFrame, judged: str, weighting: str, share: float) -> Cell:
    of = rows[
        (rows["judged"] == judged) & (rows["weighting"] == weighting) & (rows["share"] == share)
    ]
    if of.empty:
        return Cell(kind="difference")
    first = of.iloc[0]
    variant = str(first["path"]).split("/")[-2]
    source = Source(first["dataset"], first["method"], variant, first["metric"], judged, len(of),
                    str(first["path"]).rpartition("/")[0])  # fmt: skip
    return difference_cell(difference_of(of["gain"], first["resampling"]), source)


EXHIBIT = TransferWeights()
