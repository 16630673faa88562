"""The spec of every job: a plain dictionary with everything that identifies its result.

The workflow passes it as a parameter, and the job reads nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mtnas.config.options import CONTROLS, READ
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
from mtnas.runtime.errors import ConfigError
from mtnas.study.grids import flat, grid_of

# The size of MTNAS depends on these alone.
BUDGET_OPTIONS = ("num_layers", "num_subnets", "hidden_dim", "pooling")
# What is not in the spec of a table: it does not decide what is in it.
NOT_OF_THE_TABLE = ("raw", "mirrors", "simulate", "simulate_seed", "methods", "training", "tuning")
STOPPING = (
    "epochs",
    "patience",
    "selection",
)  # read where weights are fitted: neither in a search nor after it


def simulate_spec(config: Config, dataset: str) -> Spec:
    """Return what identifies the simulated raw files of a dataset."""
    if not is_simulated(config, dataset):
        raise ConfigError(
            f"config: dataset_options.{dataset}: no key `simulate`; set it to a number of rows"
        )
    own = config["dataset_options"][dataset]
    return {"dataset": dataset, "rows": own["simulate"], "seed": own.get("simulate_seed", 0)}


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


def run_spec(config: Config, dataset: str, method: str, variant: str = PAPER) -> Spec:
    """Return what identifies a run, apart from the route that it is given."""
    options = resolve_options(config, dataset, method, variant)
    derive = options["derive"] if searches(config.method(method)) else None
    training = (
        {}
        if is_control(config.method(method))
        else resolve_training(config, dataset, method, variant)
    )
    return {
        **_common(config, dataset, method, variant),
        "fixed_split": config["fixed_split"],
        "options": _network(config, method, options),
        "training": _without(training, STOPPING) if derive == "inherit" else training,
        "derive": derive,
        "budget": _budget(config, dataset, method, options),
    }


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


def tune_spec(config: Config, dataset: str, method: str, variant: str = PAPER) -> Spec:
    """Return what identifies the grid search before a run: that run with other seeds, its grid."""
    if not is_tuned(config, dataset, method, variant):
        raise ConfigError(
            f"config: tuning: {method} ({variant}) on {dataset} is not tuned; tuned methods: "
            f"{', '.join(resolve_tuning(config, dataset)['methods']) or 'none'}"
        )
    tuning = resolve_tuning(config, dataset)
    return {
        **run_spec(config, dataset, method, variant),
        "seeds": trial_seeds(config, tuning),
        "grid": _grid(config, tuning, method, variant),
    }


def _grid(config: Config, tuning: Spec, method: str, variant: str) -> dict[str, list[Any]]:
    """Return the grid of a run; what its variant deviates in is not up for tuning."""
    own = value_at(config, ("variants", method, variant))
    fixed = flat(_without(own, ("title", "training")), "options.")
    fixed |= flat(own.get("training", {}), "training.")
    return _without(grid_of(tuning, method), tuple(fixed))


def search_spec(config: Config, dataset: str, method: str, variant: str = PAPER) -> Spec:
    """Return what identifies a search; a control strategy reads the space of routes alone."""
    if not searches(config.method(method)):
        raise ConfigError(f"config: method {method!r} has no route to search")
    options = resolve_options(config, dataset, method, variant)
    network, strategy = _network(config, method, options), options["search"]["strategy"]
    common = _common(config, dataset, method, variant)
    search = {key: value for key, value in options["search"].items() if key in READ[strategy]}
    if strategy in CONTROLS:
        space = _without(network, ("hidden_dim",))
        return {**common, "options": space, "training": {}, "search": search}
    return {
        **common,
        "fixed_split": config["fixed_split"],
        "options": network,
        "training": _without(resolve_training(config, dataset, method, variant), STOPPING),
        "search": search,
        "budget": _budget(config, dataset, method, options),
    }


def _common(config: Config, dataset: str, method: str, variant: str) -> Spec:
    return {
        "dataset": dataset,
        "method": method,
        "variant": variant,
        "seeds": config["seeds"],
    }


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
