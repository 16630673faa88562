"""Checks of training options against the method, the tasks and the sources that they are for."""

from collections.abc import Iterator
from contextlib import contextmanager

from mtnas.config.options import BUDGET_METHOD, RunKey
from mtnas.config.study import Study
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.seeds import RESTART


def check_variant_training(study: Study, run: RunKey) -> None:
    """Refuse training options that contradict each other, whether an experiment has them or not."""
    _check_loss_weights(study, run)
    _check_mixing(study, run)
    _check_own_training(study, run)
    _check_restarts(study, run)


def check_training(study: Study, run: RunKey) -> None:
    """Refuse training options that do not suit the tasks of a dataset, or a method."""
    _check_method(study, run)
    with placed(study, run, f"on {run[0]}: "):
        study.training_of(*run).check_tasks(study.tasks_of(run[0]))


def _check_loss_weights(study: Study, run: RunKey) -> None:
    weights, tasks = study.training_of(*run).loss_weights, study.num_tasks(run[0])
    if weights is not None and len(weights) != tasks:
        raise ConfigError(
            f"{study.place_of_training(run, 'loss_weights')}: {len(weights)} numbers, but "
            f"{run[0]} has {tasks} tasks; give one for each, in their order"
        )


def _check_mixing(study: Study, run: RunKey) -> None:
    """Refuse what needs sources where a dataset has none, or not these."""
    with placed(study, run, f"on {run[0]}: "):
        training = study.training_of(*run)
        training.check_sources(study.sources_of(run[0]))
        training.check_groups(study.has_groups(run[0]))


def _check_own_training(study: Study, run: RunKey) -> None:
    """Refuse what a variant says of training that is nothing for its method."""
    _, method, variant = run
    if {"alignment", "weighting"} & study.said(("variants", method, variant, "training")).keys():
        _check_method(study, run)


def _check_restarts(study: Study, run: RunKey) -> None:
    """Refuse restarts of seeds that stand for a restart themselves, and in small spaces."""
    if study.training_of(*run).restarts == 1:
        return
    where = study.place_of_training(run, "restarts")
    if max(study.seeds) >= RESTART:
        raise ConfigError(
            f"{where}: with restarts, seeds must be below {RESTART:,}, not {max(study.seeds):,}"
        )
    judged = {variant for variants in study.exhaustive.values() for variant in variants}
    if run[1] == BUDGET_METHOD and run[2] in judged:
        raise ConfigError(
            f"{where}: variant {run[2]!r} is judged by every route of a small space, which are "
            "trained once on each split; set restarts in other variants, or to 1 in this one"
        )


def _check_method(study: Study, run: RunKey) -> None:
    """Refuse training options that are nothing for a method."""
    method = study.method(run[1])
    if not method.is_control:
        flags = {"searches": method.searches, "per_task": method.per_task}
        with placed(study, run):
            study.training_of(*run).check_method(run[1], **flags)


@contextmanager
def placed(study: Study, run: RunKey, before: str = "") -> Iterator[None]:
    """Say of an error that begins with a training option of a run where that was set."""
    try:
        yield
    except ConfigError as error:
        option, _, reason = str(error).partition(": ")
        where = study.place_of_training(run, option)
        raise ConfigError(f"{where}: {before}{reason}") from None
