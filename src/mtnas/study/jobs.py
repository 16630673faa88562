"""Make the spec of every job of a study.

A spec holds only what its job reads; anything else is left out or has its default. So a change of
it does not run the job again.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeVar

from mtnas.config.entries import DIAGNOSED, OF_VARIANTS, PAPER, Tuning
from mtnas.config.options import (
    BUDGET_METHOD,
    CONTROLS,
    READ,
    MethodOptions,
    SearchedOptions,
    SearchOptions,
    TrainingOptions,
)
from mtnas.config.study import Study
from mtnas.config.subset_checks import task_subsets
from mtnas.data import sources
from mtnas.data.prepare.manifest import PrepareSpec
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.seeds import of_restarts
from mtnas.study.grids import flat
from mtnas.study.specs import (
    DiagnoseSpec,
    RunSpec,
    SearchSpec,
    SimulatedStudySpec,
    SimulateSpec,
    SubsetsSpec,
    TuneSpec,
)

Value = TypeVar("Value")
# The size of MTNAS depends on these alone.
BUDGET_OPTIONS = ("num_layers", "num_subnets", "hidden_dim", "pooling")
# Read where weights are fitted: neither in a search nor after it.
STOPPING = ("epochs", "patience", "selection")
RESTARTS = ("restarts", "of_restarts")


def simulate_spec(study: Study, dataset: str) -> SimulateSpec:
    """Return what identifies the simulated raw files of a dataset."""
    rows = study.dataset(dataset).simulate
    if rows is None:
        raise ConfigError(
            f"config: dataset_options.{dataset}: no key `simulate`; set it to a number of rows"
        )
    return SimulateSpec(dataset=dataset, rows=rows)


def simulated_study_spec(study: Study, name: str) -> SimulatedStudySpec:
    """Return what identifies the results of a simulated study."""
    options = study.simulated_study(name).model_dump(mode="json")
    seeds = study.simulated_studies.seeds
    return SimulatedStudySpec(study=name, seeds=seeds, options=options)


def prepare_spec(study: Study, dataset: str) -> PrepareSpec:
    """Return what identifies the prepared table of a dataset, apart from its raw files.

    If every seed has its own split, runs do not read the one that is stored with the table. Then
    its seed has its default, so that `split_seed` changes nothing.
    """
    own = study.dataset(dataset)
    if dataset in study.synthetic:  # every seed has its own data, or all have one (D12)
        return PrepareSpec(
            dataset=dataset,
            synthetic=study.synthetic[dataset],
            seeds=(own.split_seed,) if study.fixed_split else study.seeds,
            split=own.split,
        )
    source = sources.load(dataset)
    fixed = study.fixed_split or source.split_kind != "random"
    return PrepareSpec(
        dataset=dataset,
        num_features=own.num_features,
        drop_fields=own.drop_fields,
        split=own.split,
        split_seed=own.split_seed if fixed else 0,
        definition=source.definition,
        allow_lost=own.allow_lost,
        splits=own.splits,
    )


@cache  # rules ask for it several times per run
def run_spec(study: Study, dataset: str, method: str, variant: str = PAPER) -> RunSpec:
    """Return what identifies a run, apart from the route that it is given."""
    options = study.options(dataset, method, variant)
    searched = {}
    if isinstance(options, SearchedOptions):
        searched = {name: getattr(options, name) for name in ("derive", "route", "size_of")}
    derive, training, seeds = searched.get("derive"), None, study.seeds
    if not study.method(method).is_control:
        training = study.training_of(dataset, method, variant)
        training = _usual(training, STOPPING) if derive == "inherit" else training
        seeds = of_restarts(study.seeds, training.restarts)
    return RunSpec(
        dataset=dataset,
        method=method,
        variant=variant,
        seeds=seeds,
        fixed_split=study.fixed_split,
        options=_network(options),
        training=training,
        budget=_budget(study, dataset, method, options),
        **searched,
    )


def subsets_spec(
    study: Study, subsets: str, dataset: str, method: str, variant: str = PAPER
) -> SubsetsSpec:
    """Return what identifies the runs of subsets of the tasks: a run, and the subsets."""
    study.subset_runs(subsets)  # refuses a name that does not exist
    run = once(study, run_spec(study, dataset, method, variant))
    shared = {name: getattr(run, name) for name in RunSpec.model_fields}
    chosen = task_subsets(study, subsets, dataset)
    return SubsetsSpec(**shared, name=subsets, subsets=chosen)


def diagnose_spec(study: Study, dataset: str) -> DiagnoseSpec:
    """Return what identifies the measures of how the tasks of a dataset are related."""
    run = once(study, run_spec(study, dataset, DIAGNOSED))
    asked = study.diagnosis.model_dump(exclude={"datasets", "tables"})
    asked["rank"] = min(asked["rank"], study.num_tasks(dataset))
    return DiagnoseSpec(**{name: getattr(run, name) for name in RunSpec.model_fields}, **asked)


def is_tuned(study: Study, dataset: str, method: str, variant: str = PAPER) -> bool:
    """Whether a grid search comes before a run.

    None does if the run takes its weights from a search: they were trained with its options.
    """
    tuning = study.tuning_of(dataset)
    if not tuning.enabled or method not in tuning.methods:
        return False
    if tuning.variants and variant not in tuning.variants:
        return False
    options = study.options(dataset, method, variant)
    from_search = isinstance(options, SearchedOptions) and options.derive != "retrain"
    return not from_search and bool(_grid(study, tuning, method, variant))


def tune_spec(study: Study, dataset: str, method: str, variant: str = PAPER) -> TuneSpec:
    """Return what identifies the grid search before a run: run, seeds, and values to try."""
    tuning = study.tuning_of(dataset)
    if not is_tuned(study, dataset, method, variant):
        raise ConfigError(
            f"config: tuning: {method} ({variant}) on {dataset} is not tuned; tuned methods: "
            f"{', '.join(tuning.methods) or 'none'}"
        )
    run = once(study, run_spec(study, dataset, method, variant))
    shared = {name: getattr(run, name) for name in RunSpec.model_fields if name != "seeds"}
    grid = _grid(study, tuning, method, variant)
    return TuneSpec(**shared, seeds=study.trial_seeds(tuning), grid=grid)


def _grid(study: Study, tuning: Tuning, method: str, variant: str) -> dict[str, tuple[object, ...]]:
    """Return the values to try for a run, but none for options that its variant sets itself."""
    own = study.said(("variants", method, variant))
    fixed = flat(_without(own, OF_VARIANTS), "options.") | flat(
        own.get("training", {}), "training."
    )
    tried = flat(tuning.training, "training.") | flat(tuning.options.get(method, {}), "options.")
    return _without(tried, tuple(fixed))


@cache
def search_spec(study: Study, dataset: str, method: str, variant: str = PAPER) -> SearchSpec:
    """Return what identifies a search; for a control that is the space of routes alone."""
    options = study.options(dataset, method, variant)
    if not isinstance(options, SearchedOptions):
        raise ConfigError(f"config: method {method!r} has no route to search")
    network, strategy = _network(options), options.search.strategy
    read = {name: getattr(options.search, name) for name in READ[strategy]}
    search, training = SearchOptions(**read), study.training_of(dataset, method, variant)
    seeds = of_restarts(study.seeds, training.restarts)
    if strategy in CONTROLS:
        network = _without(network, ("hidden_dim",))
        return SearchSpec(
            dataset=dataset,
            method=method,
            variant=variant,
            seeds=seeds,
            options=network,
            search=search,
        )
    return SearchSpec(
        dataset=dataset,
        method=method,
        variant=variant,
        seeds=seeds,
        fixed_split=study.fixed_split,
        options=network,
        training=_usual(training, (*STOPPING, "of_restarts")),
        budget=_budget(study, dataset, method, options),
        search=search,
    )


def once(study: Study, spec: RunSpec) -> RunSpec:
    """Return the spec of a run without restarts."""
    if spec.training is None:
        return spec
    update = {"seeds": study.seeds, "training": _usual(spec.training, RESTARTS)}
    return spec.model_copy(update=update)


def _usual(training: TrainingOptions, names: Sequence[str]) -> TrainingOptions:
    """Return training options in which some have their defaults."""
    return TrainingOptions(**training.model_dump(exclude={*names}))


def _network(options: MethodOptions) -> dict[str, object]:
    """Return the options of the network, without those of the search for its route."""
    return options.model_dump(mode="json", exclude={*SearchedOptions.model_fields})


def _budget(
    study: Study, dataset: str, method: str, options: MethodOptions
) -> dict[str, object] | None:
    """Return the options of MTNAS that set its size, for a run that has to have the same size.

    Those are runs of other methods, and of variants of MTNAS with `hidden_dim: null`; None for all
    others, such as those with `match_budget: false`.
    """
    if study.method(method).is_control or not getattr(options, "match_budget", True):
        return None
    if method == BUDGET_METHOD and getattr(options, "hidden_dim", None) is not None:
        return None
    paper = study.options(dataset, BUDGET_METHOD)
    return paper.model_dump(mode="json", include={*BUDGET_OPTIONS})


def _without(values: Mapping[str, Value], keys: Sequence[str]) -> dict[str, Value]:
    return {key: value for key, value in values.items() if key not in keys}
