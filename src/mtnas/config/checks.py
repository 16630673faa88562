"""Checks of a whole configuration: values that are allowed one by one, but not together.

Each check raises `ConfigError` for the first contradiction, or for what a job would refuse later.
"""

from collections.abc import Sequence

from mtnas.config.diagnosis import check_diagnosis
from mtnas.config.entries import OF_SOURCES, PAPER, Experiment
from mtnas.config.options import BUDGET_METHOD, CONTROLS, READ, RunKey, SearchedOptions
from mtnas.config.prediction_checks import check_asked_of_predictions
from mtnas.config.study import Study, tuning_layers
from mtnas.config.subset_checks import check_subsets
from mtnas.config.training_checks import check_training, check_variant_training
from mtnas.data import sources
from mtnas.data.prepare.parts import check_split_of
from mtnas.data.prepare.splits import split_sizes
from mtnas.routes.space import MOST_ROUTES, SearchSpace
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, MtnasError, unknown


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


def check_synthetic(study: Study) -> None:
    """Refuse a synthetic dataset with the name of another one, or with options of raw files."""
    for name in study.synthetic:
        if name in sources.available():
            raise ConfigError(
                f"{study.place('synthetic', name)}: another dataset has this name; take another"
            )
        own = study.dataset(name)
        for key in (key for key in OF_SOURCES if key in own.model_fields_set):
            allowed = (other for other in type(own).model_fields if other not in OF_SOURCES)
            where = study.place("dataset_options", name, key)
            raise ConfigError(
                f"{where}: {name} is drawn and has no raw files; allowed: {', '.join(allowed)}"
            )


def check_sources(study: Study) -> None:
    """Refuse to drop unknown fields, and to simulate data that `raw` names or nothing simulates."""
    for name, own in study.dataset_options.items():
        if own.drop_fields:
            where = study.place("dataset_options", name, "drop_fields")
            sources.load(name).kept_fields(own.drop_fields, where)
        if own.simulate is None:
            continue
        where, known = study.place("dataset_options", name, "simulate"), simulated_datasets()
        if name not in known:
            raise ConfigError(unknown("dataset to simulate", name, known, where))
        if (raw := study.raw(name)) is not None:
            raise ConfigError(
                f"{where}: {own.simulate} rows to simulate, but raw: {raw} names real ones; set "
                "one of the two to null"
            )


def simulated_datasets() -> tuple[str, ...]:
    """Name the datasets that can be simulated."""
    return plugins.names("data.simulators")


def check_splits(study: Study) -> None:
    """Refuse splits that no table can have, and those of datasets whose split is fixed."""
    for name, own in study.dataset_options.items():
        if own.split is None:
            continue
        try:
            if name in study.synthetic:
                split_sizes(study.synthetic[name].rows, own.split)
            else:
                check_split_of(sources.load(name), own.split)
        except MtnasError as error:
            where = study.place("dataset_options", name, "split")
            raise ConfigError(f"{where}: {error}") from None


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
                check_variant_training(study, (dataset, method, variant))
                _check_search(study, (dataset, method, variant))


def _check_search(study: Study, run: RunKey) -> None:
    """Refuse options of a search that its strategy, its method or its dataset cannot fulfil."""
    dataset, method, variant = run
    options = study.options(*run)
    if not isinstance(options, SearchedOptions):
        return
    strategy = options.search.strategy
    if options.derive != "retrain" and strategy in CONTROLS:
        raise ConfigError(
            f"{study.place_of(run, 'derive')}: {options.derive!r} needs the weights of a "
            f"supernet, and the search strategy {strategy!r} trains none; use derive: retrain"
        )
    if study.said(("variants", method, variant, "training")).get("embedding_per_task"):
        _check_tables(study, run)
    drawn = dataset in study.synthetic and dataset in study.datasets
    if drawn and "reward" in READ[strategy] and options.search.reward == "auc_sum":
        raise ConfigError(
            f"{study.place_of(run, 'search', 'reward')}: 'auc_sum', but labels of {dataset} are "
            "numbers, and only binary tasks have an AUC; use reward: neg_loss"
        )


def check_budget(study: Study) -> None:
    """Refuse `hidden_dim: null` for MTNAS itself, whose size all other methods have to match."""
    for dataset in dict.fromkeys([*study.datasets, *study.dataset_options]):
        options = study.options(dataset, BUDGET_METHOD)
        if getattr(options, "hidden_dim", None) is None:
            raise ConfigError(
                f"{study.place_of((dataset, BUDGET_METHOD, PAPER), 'hidden_dim')}: null is solved "
                f"to match variant {PAPER!r}, which itself needs a number; give one, or move the "
                "null to a variant"
            )


def check_spaces(study: Study) -> None:
    """Refuse to train every route of a space that has too many routes."""
    for name, (variant, *_) in study.exhaustive.items():
        for dataset in study.datasets:
            space = space_of(study, dataset, variant)
            if _has_more(space, MOST_ROUTES):
                sizes = ("num_layers", "num_subnets", "query_scope")
                said = ", ".join(f"{key} {getattr(space, key)}" for key in sizes)
                raise ConfigError(
                    f"{study.place('exhaustive', name)}: its network, that of {variant!r} "
                    f"({said}), has more than {MOST_ROUTES:,} routes on {dataset}, too many to "
                    "train one and all; name a variant first that has fewer layers or "
                    "sub-networks, or query_scope: root"
                )


def space_of(study: Study, dataset: str, variant: str = PAPER) -> SearchSpace:
    """Return the space that a variant of MTNAS searches on a dataset."""
    options = study.options(dataset, BUDGET_METHOD, variant)
    assert isinstance(options, SearchedOptions)
    return options.space(study.num_tasks(dataset))


def _has_more(space: SearchSpace, most: int) -> bool:
    """Whether a space has more than `most` routes, without multiplying out what is far larger."""
    routes = 1
    for block in space.blocks:
        routes *= space.num_local_routes(block)
        if routes > most:
            return True
    return False


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
        _check_exhaustive_search(study, run)
    shown = [(dataset, name, PAPER) for dataset in study.datasets[:1] for name in study.known]
    for run in dict.fromkeys([*study.all_runs, *shown]):
        _check_tasks(study, run)


def _check_tables(study: Study, run: RunKey) -> None:
    """Refuse embedding tables per task where routes are searched, or where there are none."""
    dataset, method, _ = run
    searches, drawn = study.method(method).searches, dataset in study.synthetic
    if (searches or drawn) and study.training_of(*run).embedding_per_task:
        why = f"the inputs of {dataset} are numbers, without embeddings"
        instead = "`dataset_options` of other datasets"
        if searches:
            why = f"{method} searches routes of one input, not of one per task"
            instead = "`variants` of other methods"
        where = study.place_of_training(run, "embedding_per_task")
        raise ConfigError(f"{where}: true, but {why}; leave it out, or set it in {instead}")


def _check_exhaustive_search(study: Study, run: RunKey) -> None:
    """Refuse to try every route in a search that has fewer route evaluations than routes."""
    options = study.options(*run)
    if not isinstance(options, SearchedOptions) or options.search.strategy != "exhaustive":
        return
    budget = options.search.route_evaluations
    if _has_more(options.space(study.num_tasks(run[0])), budget):
        raise ConfigError(
            f"{study.place_of(run, 'search', 'strategy')}: exhaustive, but the space has more "
            f"routes on {run[0]} than the search has route evaluations, {budget:,} "
            "(steps x routes_per_step); raise them, or take a smaller space"
        )


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
