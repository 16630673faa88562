"""What a diagnosis of a dataset asks for, and checks of it."""

from typing import TypeVar

from mtnas.config.entries import DIAGNOSED, DIAGNOSIS, PAPER, TaskSubsets
from mtnas.config.study import Study
from mtnas.runtime.errors import ConfigError, unknown

AnyStudy = TypeVar("AnyStudy", bound=Study)
MOST_TASKS = 16  # whose groupings are all compared


def with_diagnosis(study: AnyStudy) -> AnyStudy:
    """Return a study with the subsets of tasks that its diagnosis needs.

    Raises:
        ConfigError: it has other subsets of that name.
    """
    asked = study.diagnosis
    if DIAGNOSIS in study.subsets:
        raise ConfigError(
            f"config: subsets.{DIAGNOSIS}: this name is for what `diagnosis` adds; give your "
            "subsets another name, or list datasets in diagnosis.datasets"
        )
    if not asked.datasets:
        return study
    variants = (PAPER, asked.tables) if asked.tables else (PAPER,)
    own = TaskSubsets(
        datasets=asked.datasets, methods=(DIAGNOSED,), variants={DIAGNOSED: variants}, tasks="most"
    )
    return study.model_copy(update={"subsets": {**study.subsets, DIAGNOSIS: own}})


def check_diagnosis(study: Study) -> None:
    """Refuse datasets that are not of the study or have one task, and another kind of variant."""
    asked, where = study.diagnosis, study.place("diagnosis", "datasets")
    for dataset in asked.datasets:
        if dataset not in study.datasets:
            raise ConfigError(unknown("dataset of this study", dataset, study.datasets, where))
        if not 2 <= study.num_tasks(dataset) <= MOST_TASKS:
            raise ConfigError(
                f"{where}: {dataset} has {study.num_tasks(dataset)} task(s), a diagnosis compares "
                f"groups of 2 to {MOST_TASKS} tasks; leave the dataset out"
            )
    if asked.tables is not None:
        _check_tables(study, asked.tables)


def _check_tables(study: Study, variant: str) -> None:
    where, known = study.place("diagnosis", "tables"), study.variants_of(DIAGNOSED)
    if variant not in known:
        raise ConfigError(unknown(f"variant of {DIAGNOSED}", variant, known, where))
    for dataset in study.diagnosis.datasets:
        if not study.training_of(dataset, DIAGNOSED, variant).embedding_per_task:
            raise ConfigError(
                f"{where}: {variant!r} trains one embedding table for all tasks; name a variant "
                f"of {DIAGNOSED} with training: {{embedding_per_task: true}}"
            )
        if study.training_of(dataset, DIAGNOSED).embedding_per_task:
            raise ConfigError(
                f"{where}: {variant!r}, but training.embedding_per_task is true for {dataset} "
                "without it, too; there is nothing to compare"
            )
