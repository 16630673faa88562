"""Checks of a whole configuration: values that are allowed one by one, but not together.

Each check raises `ConfigError` for the first contradiction, or for what a job would refuse later.
"""

from collections.abc import Sequence

from mtnas.config.data_checks import check_sources, check_splits, check_synthetic
from mtnas.config.diagnosis import check_diagnosis
from mtnas.config.entries import PAPER, Experiment
from mtnas.config.layers import tuning_layers
from mtnas.config.options import BUDGET_METHOD, RunKey
from mtnas.config.prediction_checks import check_asked_of_predictions
from mtnas.config.space_checks import (
    check_budget,
    check_exhaustive_search,
    check_search,
    check_spaces,
)
from mtnas.config.study import Study
from mtnas.config.subset_checks import check_subsets
from mtnas.config.training_checks import check_training, check_variant_training, placed
from mtnas.runtime.errors import ConfigError, unknown


def check(study: Study) -> None:
    """Raise `ConfigError` for the first contradiction, or the first name that does not exist."""
    for check_one in (
        check_there_is_something,
        check_synthetic,
        check_sources,
        check_splits,
        check_diagnosis,
        check_experiments,
        check_every_variant,
        check_budget,
        check_spaces,
        check_runs,
        check_subsets,
        check_tuning,
        check_simulated,
        check_asked_of_predictions,
    ):
        check_one(study)


def check_there_is_something(study: Study) -> None:
    """Refuse a configuration without data and without studies that need none."""
    said = "datasets" in study.model_fields_set
    if said and not study.datasets and not study.simulated_studies.studies:
        raise ConfigError(
            f"{study.place('datasets')}: names none, so there is nothing to do; name one, or "
            "studies that need none (`simulated_studies`, config/transfer.yaml)"
        )


def check_experiments(study: Study) -> None:
    """Refuse unknown variants and datasets, and control methods where labels are numbers."""
    for space, variants in study.exhaustive.items():
        _check_variants(study, BUDGET_METHOD, variants, ("exhaustive", space))
    for name, subsets in study.subsets.items():
        _check_names(study, subsets, ("subsets", name))
    for name, experiment in study.experiments.items():
        _check_names(study, experiment, ("experiments", name))
        for dataset, method, _ in study.runs(name):
            if study.method(method).is_control and dataset in study.synthetic:
                raise ConfigError(
                    f"{study.place('experiments', name, 'methods')}: {method!r} predicts "
                    f"probabilities, but labels of {dataset} are numbers; leave it out, or give "
                    "the experiment `datasets` with binary labels"
                )


def _check_names(study: Study, named: Experiment, keys: tuple[str, str]) -> None:
    for method, variants in named.variants.items():
        _check_variants(study, method, variants, (*keys, "variants", method))
    for dataset in named.datasets or ():
        if dataset not in study.datasets:
            where = study.place(*keys, "datasets")
            raise ConfigError(unknown("dataset of this study", dataset, study.datasets, where))


def _check_variants(study: Study, method: str, names: Sequence[str], keys: Sequence[str]) -> None:
    known = study.variants_of(method)
    for name in names:
        if name not in known:
            raise ConfigError(unknown(f"variant of {method}", name, known, study.place(*keys)))


def check_every_variant(study: Study) -> None:
    """Refuse contradictory options of any variant, whether an experiment runs it or not."""
    for dataset in dict.fromkeys([*study.datasets, *study.dataset_options]):
        for method in study.known:
            for variant in study.variants_of(method):
                run = (dataset, method, variant)
                check_variant_training(study, run)
                check_search(study, run)
                said = study.said(("variants", method, variant, "training"))
                if study.method(method).searches and said.get("embedding_per_task"):
                    _check_tables(study, run)


def check_runs(study: Study) -> None:
    """Refuse what its own job would refuse later.

    That is: runs, searches that are compared with all routes of a small space, methods in Figure 1.
    """
    judged = [
        (dataset, BUDGET_METHOD, variant)
        for variants in study.exhaustive.values()
        for dataset in study.datasets
        for variant in variants
    ]
    for run in dict.fromkeys([*study.all_runs, *study.all_subset_runs, *judged]):
        if not study.method(run[1]).is_control:
            _check_tables(study, run)
        check_training(study, run)
        check_exhaustive_search(study, run)
    shown = [(dataset, name, PAPER) for dataset in study.datasets[:1] for name in study.known]
    for run in dict.fromkeys([*study.all_runs, *shown]):
        _check_tasks(study, run)


def _check_tables(study: Study, run: RunKey) -> None:
    """Refuse embedding tables per task where routes are searched, where there are none, and where
    a method has several of its own.
    """
    dataset, method, _ = run
    training, tables = (
        study.training_of(*run),
        study.options(*run).num_tables(study.num_tasks(dataset)),
    )
    searches, drawn = study.method(method).searches, dataset in study.synthetic
    where = study.place_of_training(run, "embedding_per_task")
    why = f"the inputs of {dataset} are numbers, without embeddings"
    instead = "`dataset_options` of other datasets"
    if (searches or drawn) and training.embedding_per_task:
        if searches:
            why = f"{method} searches routes of one input, not of one per task"
            instead = "`variants` of other methods"
        raise ConfigError(f"{where}: true, but {why}; leave it out, or set it in {instead}")
    if tables and drawn:
        raise ConfigError(
            f"{study.place('datasets')}: {dataset}, but {'/'.join(run[1:])} reads {tables} "
            f"embedding tables, and {why}; leave one of them out"
        )
    with placed(study, run):
        training.check_tables(method, tables)


def _check_tasks(study: Study, run: RunKey) -> None:
    """Refuse options of a method that do not suit the number of tasks."""
    try:
        study.options(*run).check_tasks(study.num_tasks(run[0]))
    except ConfigError as error:
        option, _, reason = str(error).partition(": ")
        raise ConfigError(f"{study.place_of(run, option)}: on {run[0]}: {reason}") from None


def check_tuning(study: Study) -> None:
    """Refuse a grid search with nothing to try, and one with seeds that have no searched route."""
    for dataset in study.datasets:
        tuning, layers = study.tuning_of(dataset), tuning_layers(dataset)
        if not tuning.enabled:
            continue
        if not tuning.methods:
            where = study.last_word(layers, ("methods",))
            raise ConfigError(f"{where}: the grid search is enabled; list the methods to tune")
        known = list(dict.fromkeys(v for m in tuning.methods for v in study.variants_of(m)))
        for number, name in enumerate(tuning.variants):
            if name not in known:
                where = study.last_word(layers, ("variants",))
                raise ConfigError(unknown("variant", name, known, f"{where}.{number}"))
        strangers = sorted({*study.trial_seeds(tuning)} - {*study.seeds})
        for method in tuning.methods:
            if not tuning.training and not tuning.options.get(method):
                where = study.last_word(layers, ("training",))
                raise ConfigError(
                    f"{where}: nothing to try for method {method!r}; list values here, or under "
                    f"tuning.options.{method}"
                )
            if strangers and study.method(method).searches:
                where = study.last_word(layers, ("seeds",))
                raise ConfigError(
                    f"{where}: {strangers} are no seeds of this study, so {method} has no route "
                    f"for them; allowed: {list(study.seeds)}"
                )


def check_simulated(study: Study) -> None:
    """Refuse options of a simulated study that do not suit each other."""
    for name in study.simulated_studies.studies:
        study.simulated_study(name)
