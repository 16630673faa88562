"""Tables and figures of diagnoses: which there are, and reading them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.names import dataset_name
from mtnas.report.notes import SIMULATED_NOTE
from mtnas.report.render.layout import Source
from mtnas.runtime.errors import RecordError
from mtnas.tasks.metrics import METRICS

if TYPE_CHECKING:
    from mtnas.study.plan import Plan

PLACE = 70


def of_all(plan: "Plan", name: str) -> dict[str, Needs]:
    """Take the diagnoses of all datasets that have one."""
    return {name: Needs(diagnoses=tuple(plan.diagnosed))} if plan.diagnosed else {}


def read_diagnoses(needs: Needs) -> list[Diagnosis]:
    """Read the diagnosis of every dataset.

    Raises:
        NothingToShowError: there is none.
        RecordError: one is missing, was changed, or is of another dataset.
    """
    if not needs.diagnoses:
        raise NothingToShowError("no dataset has a diagnosis; list some in diagnosis.datasets")
    found = []
    for dataset, path in zip(needs.diagnoses, needs.diagnosis_files, strict=True):
        one = Diagnosis.read(path)
        if one.dataset != dataset:
            raise RecordError(f"{path}: it is of {one.dataset}, not of {dataset}; make it again")
        found.append(one)
    return found


def title_of(found: Diagnosis) -> str:
    """Return what readers call a diagnosed dataset."""
    return dataset_name(found.dataset, found.simulated)


def metric_title(metric: str) -> str:
    """Return what readers call the metric of gains, such as `AUC`, or `log loss and MSE`."""
    return " and ".join(METRICS[name].title for name in metric.split(" and "))


def source_of(found: Diagnosis, path: str, metric: str) -> Source:
    """Say where a number of a diagnosis is from."""
    return Source(found.dataset, metric=metric, seeds=len(found.seeds), run_folder=path)


def notes(found: Iterable[Diagnosis], *told: str) -> tuple[str, ...]:
    """Return notes, with one on simulated data if there are any."""
    return (*told, *[SIMULATED_NOTE] * any(one.simulated for one in found))
