"""The spec of every job: a frozen record with everything that identifies its result.

The workflow passes one as a parameter, dumped to plain data, and the job reads nothing else. What
a job does not read is not in its spec, or has its default there, so that a change of it runs
nothing again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from mtnas.config.options import CONTROLS, READ, SearchOptions, TrainingOptions
from mtnas.config.resolve import (
    drawn_options,
    is_simulated,
    resolve_options,
    resolve_training,
    resolve_tuning,
    trial_seeds,
    value_at,
)
from mtnas.config.schema import defaults, is_control, searches
from mtnas.config.study import BUDGET_METHOD, PAPER, Config, Spec
from mtnas.data import sources
from mtnas.data.synthetic import SyntheticOptions
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.options import Options
from mtnas.study.grids import flat, grid_of, replaced

Derive = Literal["retrain", "inherit", "finetune"]

# The size of MTNAS depends on these alone.
BUDGET_OPTIONS = ("num_layers", "num_subnets", "hidden_dim", "pooling")
# What is not in the spec of a table: it does not decide what is in it.
NOT_OF_THE_TABLE = ("raw", "mirrors", "simulate", "simulate_seed", "methods", "training", "tuning")
# Read where weights are fitted: neither in a search nor after it.
STOPPING = ("epochs", "patience", "selection")


class SimulateSpec(Options):
    """The simulated raw files of a dataset: so many sound rows of examples."""

    dataset: str
    rows: int


class ModelSpec(Options):
    """What every job that builds models reads."""

    dataset: str
    method: str
    seeds: tuple[int, ...]
    fixed_split: bool = False
    options: dict[str, Any]  # of the method; its `Options` reads them
    training: TrainingOptions | None = None  # None: nothing is trained
    budget: dict[str, Any] | None = None  # options of MTNAS whose size the width is solved to match

    @property
    def trained(self) -> TrainingOptions:
        """Return the training options; the default ones where nothing is trained."""
        return TrainingOptions() if self.training is None else self.training


class RunSpec(ModelSpec):
    """A run, apart from the route that it is given.

    `tuned` says, for each value that a grid search chose, what it replaced and where it is from.
    """

    variant: str
    derive: Derive | None = None  # what becomes of a searched route; None: none is searched
    tuned: dict[str, Any] | None = None

    @property
    def job(self) -> tuple[str, str, str]:
        """Return dataset, method and variant."""
        return self.dataset, self.method, self.variant

    def value_at(self, name: str) -> Any:
        """Return the value of a dotted name of a grid, such as `training.learning_rate`."""
        value: Any = self.model_dump(mode="json")
        for key in name.split("."):
            value = value[key]
        return value

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """Return this spec with other values at some dotted names."""
        return self.of(replaced(self.model_dump(mode="json"), values))


class TuneSpec(RunSpec):
    """The grid search before a run: that run with other seeds, and the values to try."""

    grid: dict[str, tuple[Any, ...]]  # by dotted name


class SearchSpec(ModelSpec):
    """A search for routes; a control strategy reads the space of routes alone."""

    variant: str
    search: SearchOptions


class ExhaustiveSpec(ModelSpec):
    """The ground truth of a small space: every route of it, trained.

    `synthetic` says what drawn data are drawn from.
    """

    space: str
    synthetic: SyntheticOptions | None = None


def simulate_spec(config: Config, dataset: str) -> SimulateSpec:
    """Return what identifies the simulated raw files of a dataset."""
    if not is_simulated(config, dataset):
        raise ConfigError(
            f"config: dataset_options.{dataset}: no key `simulate`; set it to a number of rows"
        )
    return SimulateSpec(dataset=dataset, rows=config["dataset_options"][dataset]["simulate"])


def prepare_spec(config: Config, dataset: str) -> Spec:
    """Return what identifies the prepared table of a dataset, apart from its raw files.

    A run reads the stored split only where it is fixed; where it is not, its seed is the default.
    """
    own = config["dataset_options"].get(dataset, {})
    if dataset in config["synthetic"]:
        return _draw_spec(config, dataset, own)
    source = sources.load(dataset)
    default = defaults(config.schema["$defs"]["dataset"])
    values = _without({**default, **own}, NOT_OF_THE_TABLE)
    if not config["fixed_split"] and source.split_kind == "random":
        values["split_seed"] = default["split_seed"]
    declared = {} if source.definition is None else {"definition": source.definition}
    return {"dataset": dataset, **values, **declared}


def _draw_spec(config: Config, dataset: str, own: Mapping[str, Any]) -> Spec:
    """Return what identifies synthetic data: every seed has its own, or all have one (D12)."""
    return {
        "dataset": dataset,
        "synthetic": drawn_options(config, dataset).model_dump(mode="json"),
        "seeds": [own.get("split_seed", 0)] if config["fixed_split"] else config["seeds"],
        "split": own.get("split"),
    }


def run_spec(config: Config, dataset: str, method: str, variant: str = PAPER) -> RunSpec:
    """Return what identifies a run, apart from the route that it is given."""
    options = resolve_options(config, dataset, method, variant)
    derive = options["derive"] if searches(config.method(method)) else None
    training = None
    if not is_control(config.method(method)):
        values = resolve_training(config, dataset, method, variant)
        training = TrainingOptions.of(
            _without(values, STOPPING) if derive == "inherit" else values, "training"
        )
    return RunSpec(
        dataset=dataset,
        method=method,
        variant=variant,
        seeds=tuple(config["seeds"]),
        fixed_split=config["fixed_split"],
        options=_network(config, method, options),
        training=training,
        derive=derive,
        budget=_budget(config, dataset, method, options),
    )


def is_tuned(config: Config, dataset: str, method: str, variant: str = PAPER) -> bool:
    """Whether a grid search comes before a run.

    Weights that come from a search were trained with the options of that search.
    """
    tuning = resolve_tuning(config, dataset)
    if not tuning["enabled"] or method not in tuning["methods"]:
        return False
    options = resolve_options(config, dataset, method, variant)
    from_search = searches(config.method(method)) and options["derive"] != "retrain"
    return not from_search and bool(_grid(config, tuning, method, variant))


def tune_spec(config: Config, dataset: str, method: str, variant: str = PAPER) -> TuneSpec:
    """Return what identifies the grid search before a run: that run with other seeds, its grid."""
    if not is_tuned(config, dataset, method, variant):
        raise ConfigError(
            f"config: tuning: {method} ({variant}) on {dataset} is not tuned; tuned methods: "
            f"{', '.join(resolve_tuning(config, dataset)['methods']) or 'none'}"
        )
    tuning = resolve_tuning(config, dataset)
    run = run_spec(config, dataset, method, variant).model_dump(mode="json")
    seeds, grid = trial_seeds(config, tuning), _grid(config, tuning, method, variant)
    return TuneSpec.of({**run, "seeds": seeds, "grid": grid})


def _grid(config: Config, tuning: Spec, method: str, variant: str) -> dict[str, list[Any]]:
    """Return the grid of a run; what its variant deviates in is not up for tuning."""
    own = value_at(config, ("variants", method, variant))
    fixed = flat(_without(own, ("training",)), "options.")
    fixed |= flat(own.get("training", {}), "training.")
    return _without(grid_of(tuning, method), tuple(fixed))


def search_spec(config: Config, dataset: str, method: str, variant: str = PAPER) -> SearchSpec:
    """Return what identifies a search; a control strategy reads the space of routes alone."""
    if not searches(config.method(method)):
        raise ConfigError(f"config: method {method!r} has no route to search")
    options = resolve_options(config, dataset, method, variant)
    network, strategy = _network(config, method, options), options["search"]["strategy"]
    read = {key: value for key, value in options["search"].items() if key in READ[strategy]}
    common = {"dataset": dataset, "method": method, "variant": variant, "seeds": config["seeds"]}
    if strategy in CONTROLS:
        return SearchSpec.of(
            {**common, "options": _without(network, ("hidden_dim",)), "search": read}
        )
    training = resolve_training(config, dataset, method, variant)
    return SearchSpec.of(
        {
            **common,
            "fixed_split": config["fixed_split"],
            "options": network,
            "training": _without(training, STOPPING),
            "search": read,
            "budget": _budget(config, dataset, method, options),
        }
    )


def _network(config: Config, method: str, options: Spec) -> Spec:
    """Leave out what says how a route is found and used: it has its own place in a spec."""
    return _without(options, ("search", "derive")) if searches(config.method(method)) else options


def _budget(config: Config, dataset: str, method: str, options: Spec) -> Spec | None:
    """Return the options that set the number of parameters, for a run that has to match it.

    That is any other method, and a variant of MTNAS that leaves its width to be solved.
    """
    known = config.schema["$defs"]["methods"]
    if BUDGET_METHOD not in known or is_control(known[method]):
        return None
    if method == BUDGET_METHOD and options["hidden_dim"] is not None:
        return None
    paper = resolve_options(config, dataset, BUDGET_METHOD)
    return {key: paper[key] for key in BUDGET_OPTIONS}


def _without(values: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}
