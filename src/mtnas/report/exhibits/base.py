"""What a table or a figure is: which files it is made from, its data, how it is set or drawn."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import pandas as pd

from mtnas.config.entries import PAPER
from mtnas.config.options import RunKey, SubsetKey
from mtnas.report.names import REFERENCE, Names, dataset_titles, titles
from mtnas.report.render import sheets
from mtnas.report.render.layout import Table
from mtnas.report.render.writers import ledger, write_table
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_text
from mtnas.study.paths import (
    DATA,
    DIAGNOSIS,
    ROUTES,
    RUN,
    SUBGRAPHS,
    TRUTH,
    of_checkout,
    of_runs,
    of_subsets,
    simulated_study_files,
    simulated_study_folders,
)
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Content = TypeVar("Content")
PAPER_NUMBERS = "config/paper/results.yaml"
TRANSFER_NUMBERS = "config/paper/transfer.yaml"
SUBSET_FILES = ("scores.csv", "record.json")


class NothingToShowError(RecordError):
    """What an exhibit is made from holds nothing that it shows."""


@dataclass(frozen=True)
class Needs:
    """What a table or figure is made from; what is named here are the inputs of its job.

    `runs` and `searches` are (dataset, method, variant), `subsets` the same behind the name of an
    entry of `subsets`, `diagnoses`, `manifests` and `tables` (prepared ones) datasets, `truths`
    (dataset, small space);
    `judged` says where the search of a variant in a small space is judged (`Plan.judged_by`).
    `facts` is plain data of the plan, `titles` what readers call methods and variants
    (`names.Names`), `datasets` what they call datasets.
    """

    runs: tuple[RunKey, ...] = ()
    searches: tuple[RunKey, ...] = ()
    subsets: tuple[SubsetKey, ...] = ()
    simulated_studies: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    truths: tuple[tuple[str, str], ...] = ()
    judged: tuple[dict[str, str], ...] = ()
    tables: tuple[str, ...] = ()
    of_rows: bool = False  # the runs' predictions of their test rows, too
    subgraphs: bool = False
    paper: bool = False  # the numbers printed in the paper
    transfer_paper: bool = False  # those printed by Wu, Zhang, Ré
    facts: Mapping[str, Any] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        """Return what readers call runs."""
        return Names(self.titles)

    @property
    def run_folders(self) -> list[str]:
        """Return the folder of every run."""
        return of_runs(RUN, self.runs)

    @property
    def routes_files(self) -> list[str]:
        """Return the routes.json of every search."""
        return of_runs(f"{ROUTES}/routes.json", self.searches)

    @property
    def subset_folders(self) -> list[str]:
        """Return the folder of every run of subsets of tasks."""
        return of_subsets(self.subsets)

    @property
    def simulated_folders(self) -> list[str]:
        """Return the folder of every simulated study."""
        return simulated_study_folders(self.simulated_studies)

    @property
    def diagnosis_files(self) -> list[str]:
        """Return the diagnosis of every dataset."""
        return [f"{DIAGNOSIS}/diagnosis.json".format(dataset=name) for name in self.diagnoses]

    @property
    def manifest_files(self) -> list[str]:
        """Return the manifest of every dataset."""
        return [f"{DATA}/manifest.json".format(dataset=name) for name in self.manifests]

    @property
    def table_files(self) -> list[str]:
        """Return the prepared table of every dataset."""
        return [f"{DATA}/table.parquet".format(dataset=name) for name in self.tables]

    @property
    def truth_files(self) -> list[str]:
        """Return the table of every route of each small space."""
        return [TRUTH.format(dataset=dataset, space=space) for dataset, space in self.truths]

    @property
    def files(self) -> list[str]:
        """Return all files, for the job that waits for them."""
        judged = [entry["path"] for entry in self.judged]
        folders = [*self.run_folders, *(path for path in judged if not path.endswith(".json"))]
        found = [
            *(f"{folder}/{file}" for folder in folders for file in ("metrics.csv", "run.json")),
            *[f"{folder}/predictions.parquet" for folder in self.run_folders] * self.of_rows,
            *(f"{folder}/{file}" for folder in self.subset_folders for file in SUBSET_FILES),
            *simulated_study_files(self.simulated_studies),
            *self.diagnosis_files,
            *self.routes_files,
            *(path for path in judged if path.endswith(".json")),
            *self.manifest_files,
            *self.table_files,
            *self.truth_files,
            *[SUBGRAPHS] * self.subgraphs,
            *[of_checkout(PAPER_NUMBERS)] * self.paper,
            *[of_checkout(TRANSFER_NUMBERS)] * self.transfer_paper,
        ]
        return list(dict.fromkeys(found))


class Exhibit(ABC, Generic[Content]):
    """A table or figure, or a family of them: what it needs, and its data.

    `place` orders exhibits of a kind for reading.
    """

    kind: ClassVar[Literal["table", "figure"]]
    place: ClassVar[int] = 100

    @abstractmethod
    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Name what a study has of it, with what each is made from."""

    @abstractmethod
    def read(self, needs: Needs) -> Content:
        """Read what is shown; `RecordError` if a file is broken, or contradicts another."""

    @abstractmethod
    def data(self, content: Content) -> pd.DataFrame:
        """Return what is shown as a tidy frame: a row for each thing that is printed or drawn."""

    @abstractmethod
    def write(self, needs: Needs, **paths: str | Path) -> None:
        """Write the files that are named."""


class TableExhibit(Exhibit[Table]):
    """A table; its data are the ledger of its cells."""

    kind = "table"

    def data(self, content: Table) -> pd.DataFrame:
        """Return a row per printed number."""
        return ledger(content)

    def write(self, needs: Needs, **paths: str | Path) -> None:
        """Write `md`, `tex`, `csv`, `cells` and `html`, those that are named."""
        write_table(self.read(needs), **paths)


class FigureExhibit(Exhibit[Content]):
    """A figure: `draw` imports what draws, since the workflow reads the rest at every start."""

    kind = "figure"

    @abstractmethod
    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Return the figure of its data, and nothing but them, and the caption."""

    def write(self, needs: Needs, **paths: str | Path) -> None:
        """Write the drawing as `png` and `pdf`, and its data as `csv`, those that are named."""
        from mtnas.report.render.style import save_figure

        frame = self.data(self.read(needs))
        if "csv" in paths:
            write_text(paths.pop("csv"), sheets.to_csv(frame))
        figure, caption = self.draw(frame)
        save_figure(figure, list(paths.values()), caption)


def titled(plan: Plan, needs: Needs) -> Needs:
    """Return what an exhibit needs, with the titles of its datasets, methods and variants.

    A title that changes makes the exhibit again, since what it needs is a parameter of its job.
    """
    judged = ((REFERENCE, entry["variant"]) for entry in needs.judged)
    divided = [key[1:] for key in needs.subsets]
    rows = [*(run[1:] for run in (*needs.runs, *needs.searches, *divided)), *judged]
    keyed = (*needs.runs, *needs.searches, *needs.truths, *divided)
    datasets = dict.fromkeys([*(key[0] for key in keyed), *needs.manifests, *needs.diagnoses])
    return replace(needs, titles=titles(plan, rows), datasets=dataset_titles(datasets))


def beside_paper(
    plan: Plan, variants: list[str], also: tuple[tuple[str, str], ...] = ()
) -> tuple[RunKey, ...]:
    """Return the runs of some variants of MTNAS, with those of `paper` (and others) beside them.

    Datasets without any of the variants are left out.
    """
    having = {d for d, m, v in plan.runs if m == REFERENCE and v in variants}
    wanted = {*((REFERENCE, variant) for variant in (*variants, PAPER)), *also}
    return tuple(run for run in plan.runs if run[0] in having and run[1:] in wanted)


def of_space(plan: Plan, space: str) -> Needs:
    """Return what a table or figure of a small space needs: the losses of all of its routes, and
    the routes (or runs) of the searches that are judged by them.
    """
    truths = tuple((dataset, space) for dataset in plan.judged[space])
    return Needs(truths=truths, judged=tuple(plan.judged_by(space)))
