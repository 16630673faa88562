"""From the configuration to the spec of every job: validate, resolve, enumerate.

Resolution order: method defaults (code) < `methods` < `dataset_options.<dataset>.methods` <
variant. A spec is a plain dictionary with everything that identifies the result of a job: the
workflow passes it as a parameter, and the job reads nothing else. Nothing here imports torch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mtnas import datasets
from mtnas.errors import ConfigError, MtnasError, unknown
from mtnas.features.parts import check_split_of
from mtnas.features.splits import split_sizes
from mtnas.grids import flat, grid_of
from mtnas.options import CONTROLS, READ, SearchOptions, TrainingOptions
from mtnas.schema import Schema, current_schema, defaults, is_control, plugins, searches
from mtnas.synthetic import SyntheticOptions
from mtnas.validation import check, place, resolved_reference

Spec = dict[str, Any]
Run = tuple[str, str, str]

PAPER = "paper"  # the variant that every method has: no deviation
BUDGET_METHOD = "mtnas"  # hidden widths of the others are solved to match its size
# Its size depends on these alone.
BUDGET_OPTIONS = ("num_layers", "num_subnets", "hidden_dim", "pooling")
# What is not in the spec of a table: it does not decide what is in it.
NOT_OF_THE_TABLE = ("raw", "mirrors", "simulate", "simulate_seed", "methods", "training", "tuning")
STOPPING = ("epochs", "patience")  # read where weights are fitted: neither in a search nor after it


@dataclass(frozen=True, eq=False)  # one object per run of the workflow: results can be cached
class Config:
    """A validated configuration, all top-level keys present."""

    values: dict[str, Any]
    schema: Schema
    files: tuple[Path, ...] = ()

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def method(self, name: str) -> Schema:
        """Return the options schema of one method."""
        methods: dict[str, Schema] = self.schema["$defs"]["methods"]
        if name not in methods:
            raise ConfigError(unknown("method", name, methods, "config"))
        return methods[name]

    def variants(self, method: str) -> tuple[str, ...]:
        """Name the variants of a method, `paper` first."""
        return (PAPER, *self["variants"].get(method, {}))


def load(raw: Mapping[str, Any], files: Sequence[str | Path] = ()) -> Config:
    """Validate a merged configuration; `files`, later ones win, are named in messages."""
    drawn = raw.get("synthetic")
    names = tuple(map(str, drawn)) if isinstance(drawn, Mapping) else ()
    schema = current_schema(names)
    paths = tuple(Path(file) for file in files)
    values = check(raw, schema, paths)
    for key, part in schema["properties"].items():
        is_mapping = resolved_reference(part, schema).get("type") == "object"
        values.setdefault(key, {} if is_mapping else part.get("default"))
    for dataset in schema["properties"]["dataset_options"]["properties"]:
        raw_folder = values.pop(f"{dataset}_raw", None)
        if raw_folder is not None:
            values["dataset_options"].setdefault(dataset, {})["raw"] = raw_folder
    if not isinstance(values["seeds"], list):
        values["seeds"] = list(range(values["seeds"]))
    config = Config(values, schema, paths)
    _check_synthetic(config)
    _check_datasets(config)
    _check_experiments(config)
    _check_options(config)
    _check_tuning(config)
    return config


def _check_synthetic(config: Config) -> None:
    """Refuse a name that a dataset has, and a search that is rewarded with an AUC of numbers."""
    for name in config["synthetic"]:
        if name in datasets.available():
            where = place(("synthetic", name), config.files)
            raise ConfigError(f"{where}: another dataset has this name; take another")
        for method, schema in config.schema["$defs"]["methods"].items():
            for variant in config.variants(method) if searches(schema) else ():
                search = resolve_options(config, name, method, variant)["search"]
                learns = search["strategy"] not in CONTROLS
                if learns and name in config["datasets"] and search["reward"] == "auc_sum":
                    raise ConfigError(
                        f"{_origin(config, name, method, variant, 'search')}: reward: 'auc_sum', "
                        f"but labels of {name} are numbers and have no AUC; use reward: neg_loss"
                    )


def _check_datasets(config: Config) -> None:
    """Refuse fields that a dataset does not have, splits that suit no table, rows from nowhere."""
    for name, own in config["dataset_options"].items():
        where = place(("dataset_options", name, "drop_fields"), config.files)
        if own.get("drop_fields"):
            datasets.load(name).kept_fields(own["drop_fields"], where)
        _check_simulated(config, name)
        try:
            if own.get("split") and name in config["synthetic"]:
                split_sizes(drawn_options(config, name).rows, own["split"])
            elif own.get("split"):
                check_split_of(datasets.load(name), own["split"])
        except MtnasError as error:
            where = place(("dataset_options", name, "split"), config.files)
            raise ConfigError(f"{where}: {error}") from None


def _check_simulated(config: Config, dataset: str) -> None:
    """Refuse to simulate what nobody can, and what is read from a folder."""
    own = config["dataset_options"][dataset]
    rows, raw, known = own.get("simulate"), own.get("raw"), plugins("simulation")
    if rows is None:
        return
    where = place(("dataset_options", dataset, "simulate"), config.files)
    if dataset not in known:
        raise ConfigError(unknown("dataset to simulate", dataset, known, where))
    if raw is not None:
        raise ConfigError(
            f"{where}: {rows} rows to simulate, but raw: {raw} names real ones; set one of the "
            "two to null"
        )


def _check_experiments(config: Config) -> None:
    """Refuse experiments without a method, and variants that a method does not have."""
    for space, variants in config["exhaustive"].items():
        _check_variants(config, BUDGET_METHOD, variants, ("exhaustive", space))
    for name, experiment in config["experiments"].items():
        if "methods" not in experiment:
            where = place(("experiments", name), config.files)
            raise ConfigError(f"{where}: no key `methods`; list the methods to run")
        for method, variants in experiment.get("variants", {}).items():
            _check_variants(config, method, variants, ("experiments", name, "variants", method))


def _check_variants(
    config: Config, method: str, variants: Sequence[str], keys: Sequence[str]
) -> None:
    """Refuse the first name that is no variant of a method."""
    for variant in variants:
        if variant not in config.variants(method):
            where = place(keys, config.files)
            raise ConfigError(
                unknown(f"variant of {method}", variant, config.variants(method), where)
            )


def _check_options(config: Config) -> None:
    """Resolve every variant once, so that options that contradict each other show here."""
    for dataset in dict.fromkeys([*config["datasets"], *config["dataset_options"]]):
        resolve_training(config, dataset)
        for method in config.schema["$defs"]["methods"]:
            for variant in config.variants(method):
                _check_strategy(config, dataset, method, variant)
        _check_budget(config, dataset)


def _check_budget(config: Config, dataset: str) -> None:
    """Refuse a budget without a size: it is what all other widths are solved from."""
    known = BUDGET_METHOD in config.schema["$defs"]["methods"]
    if known and resolve_options(config, dataset, BUDGET_METHOD)["hidden_dim"] is None:
        raise ConfigError(
            f"{_origin(config, dataset, BUDGET_METHOD, PAPER, 'hidden_dim')}: null is solved to "
            f"match variant {PAPER!r}, which itself needs a number; give one, or move the null to "
            "a variant"
        )


def _check_tuning(config: Config) -> None:
    """Refuse a grid search of nothing, and trials of seeds that no route was searched for."""
    for dataset in config["datasets"]:
        tuning = resolve_tuning(config, dataset)
        if not tuning["enabled"]:
            continue
        if not tuning["methods"]:
            where = _tuning_place(config, dataset, "methods")
            raise ConfigError(f"{where}: the grid search is enabled; list the methods to tune")
        for method in tuning["methods"]:
            if not grid_of(tuning, method):
                where = _tuning_place(config, dataset, "training")
                raise ConfigError(
                    f"{where}: nothing to try for method {method!r}; list values here, or under "
                    f"tuning.options.{method}"
                )
            strangers = sorted(set(_trial_seeds(config, tuning)) - set(config["seeds"]))
            if strangers and searches(config.method(method)):
                where = _tuning_place(config, dataset, "seeds")
                raise ConfigError(
                    f"{where}: {strangers} are no seeds of this study, so {method} has no route "
                    f"for them; allowed: {config['seeds']}"
                )


def _tuning_place(config: Config, dataset: str, key: str) -> str:
    """Say where the last word about a key of the grid search of a dataset stands."""
    own = ("dataset_options", dataset, "tuning")
    keys = own if key in _value(config, own) else ("tuning",)
    return place((*keys, key), config.files)


def _check_strategy(config: Config, dataset: str, method: str, variant: str) -> None:
    """Refuse to derive weights from a search that trains none."""
    options = resolve_options(config, dataset, method, variant)
    if not searches(config.method(method)) or options["derive"] == "retrain":
        return
    if options["search"]["strategy"] in CONTROLS:
        raise ConfigError(
            f"{_origin(config, dataset, method, variant, 'derive')}: {options['derive']!r} needs "
            f"the weights of a supernet, and the search strategy "
            f"{options['search']['strategy']!r} trains none; use derive: retrain"
        )


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings, later ones win; nested mappings are merged, anything else replaced."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            both = isinstance(old, dict) and isinstance(value, Mapping)
            result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def resolve_options(config: Config, dataset: str, method: str, variant: str = PAPER) -> Spec:
    """Return all options of a method: defaults < `methods` < the dataset's < the variant's."""
    schema = config.method(method)
    if variant not in config.variants(method):
        raise ConfigError(
            unknown(f"variant of {method}", variant, config.variants(method), "config")
        )
    layers = [_value(config, keys) for keys in _layers(dataset, method, variant)]
    options = merged(defaults(schema), *layers)
    if searches(schema):
        try:
            search = SearchOptions.of(options["search"], "")
        except ConfigError:  # reading the files again, to say where, is slow
            where = _origin(config, dataset, method, variant, "search")
            search = SearchOptions.of(options["search"], where)
        options["search"] = search.model_dump(mode="json")
    return options


def _layers(dataset: str, method: str, variant: str) -> tuple[tuple[str, ...], ...]:
    """Name the places that say something about the options of a run; later ones win."""
    return (
        ("methods", method),
        ("dataset_options", dataset, "methods", method),
        ("variants", method, variant),
    )


def _value(config: Config, keys: Sequence[str]) -> dict[str, Any]:
    """Return the mapping at a path of the configuration, an empty one if there is none."""
    value = config.values
    for key in keys:
        value = value.get(key, {})
    return value


def _origin(config: Config, dataset: str, method: str, variant: str, option: str) -> str:
    """Say where the last word about an option of a run stands."""
    first, *later = _layers(dataset, method, variant)
    keys = next((k for k in reversed(later) if option in _value(config, k)), first)
    return place((*keys, option), config.files)


def resolve_training(config: Config, dataset: str) -> Spec:
    """Return all training options: defaults < `training` < the dataset's."""
    own = _value(config, ("dataset_options", dataset, "training"))
    return TrainingOptions.of(merged(config["training"], own), "training").model_dump(mode="json")


def resolve_tuning(config: Config, dataset: str) -> Spec:
    """Return the whole `tuning` block of a dataset: defaults < `tuning` < the dataset's."""
    own = _value(config, ("dataset_options", dataset, "tuning"))
    return merged(defaults(config.schema["$defs"]["tuning"]), config["tuning"], own)


def is_simulated(config: Config, dataset: str) -> bool:
    """Whether the workflow writes the raw files of a dataset itself."""
    return config["dataset_options"].get(dataset, {}).get("simulate") is not None


def simulate_spec(config: Config, dataset: str) -> Spec:
    """Return what identifies the simulated raw files of a dataset."""
    if not is_simulated(config, dataset):
        raise ConfigError(
            f"dataset_options: {dataset}: no key `simulate`; set it to a number of rows"
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
    source = datasets.load(dataset)
    default = defaults(config.schema["$defs"]["dataset"])
    values = _without({**default, **own}, NOT_OF_THE_TABLE)
    if not config["fixed_split"] and source.split_kind == "random":
        values["split_seed"] = default["split_seed"]
    declared = {} if source.definition is None else {"definition": source.definition}
    return {"dataset": dataset, **values, **declared}


def drawn_options(config: Config, dataset: str) -> SyntheticOptions:
    """Return what a synthetic dataset is drawn from."""
    return SyntheticOptions.of(config["synthetic"][dataset], f"synthetic.{dataset}")


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
    training = {} if is_control(config.method(method)) else resolve_training(config, dataset)
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
        "seeds": _trial_seeds(config, tuning),
        "grid": _grid(config, tuning, method, variant),
    }


def _grid(config: Config, tuning: Spec, method: str, variant: str) -> dict[str, list[Any]]:
    """Return the grid of a run; what its variant deviates in is not up for tuning."""
    fixed = flat(_value(config, ("variants", method, variant)), "options.")
    return _without(grid_of(tuning, method), tuple(fixed))


def _trial_seeds(config: Config, tuning: Spec) -> list[int]:
    seeds = tuning["seeds"]
    return list(seeds if isinstance(seeds, list) else config["seeds"][:seeds])


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
        "training": _without(resolve_training(config, dataset), STOPPING),
        "search": search,
        "budget": _budget(config, dataset, method, options),
    }


def search_home(config: Config, dataset: str, method: str, variant: str = PAPER) -> str:
    """Return the first variant with the same search: they share its routes."""
    if variant not in config.variants(method):
        raise ConfigError(
            unknown("variant", variant, config.variants(method), f"config: variants: {method}")
        )
    return _search_homes(config, dataset, method)[variant]


@cache
def _search_homes(config: Config, dataset: str, method: str) -> dict[str, str]:
    """Return the home of every variant of a method."""
    homes, first = {}, dict[str, str]()
    for variant in config.variants(method):
        spec = {**search_spec(config, dataset, method, variant), "variant": None}
        homes[variant] = first.setdefault(json.dumps(spec, sort_keys=True), variant)
    return homes


def experiment_runs(config: Config, experiment: str) -> list[Run]:
    """Return the (dataset, method, variant) of every run of an experiment, in reading order."""
    experiments = config["experiments"]
    if experiment not in experiments:
        raise ConfigError(unknown("experiment", experiment, experiments, "config: experiments"))
    variants = experiments[experiment].get("variants", {})
    return [
        (dataset, method, variant)
        for dataset in config["datasets"]
        for method in experiments[experiment].get("methods", ())
        for variant in variants.get(method, [PAPER])
    ]


def experiment_searches(config: Config, experiment: str) -> list[Run]:
    """Return the searches of an experiment that learn, each once, named by their home."""
    runs = experiment_runs(config, experiment)
    specs = [search_spec(config, *run) for run in runs if searches(config.method(run[1]))]
    learned = [
        (spec["dataset"], spec["method"], spec["variant"])
        for spec in specs
        if spec["search"]["strategy"] not in CONTROLS
    ]
    return list(dict.fromkeys((d, m, search_home(config, d, m, v)) for d, m, v in learned))


def all_runs(config: Config) -> list[Run]:
    """Return the runs of all experiments, each once."""
    runs = (run for name in config["experiments"] for run in experiment_runs(config, name))
    return list(dict.fromkeys(runs))


def variant_runs(config: Config, variants: Sequence[str]) -> list[Run]:
    """Return the runs of these variants of MTNAS, with those of `paper` and Single beside them.

    Datasets without any of the variants are left out.
    """
    runs = all_runs(config)
    having = [d for d, m, v in runs if m == BUDGET_METHOD and v in variants]
    beside = ((BUDGET_METHOD, PAPER), ("single_task", PAPER))
    wanted = (*((BUDGET_METHOD, variant) for variant in variants), *beside)
    return [run for run in runs if run[0] in having and run[1:] in wanted]


def sweep_runs(config: Config, kind: str) -> list[Run]:
    """Return the runs of MTNAS named `{kind}_1`, `{kind}_2` ..., and `paper` beside them."""
    names = [v for v in config.variants(BUDGET_METHOD) if v.startswith(f"{kind}_")]
    return [run for run in variant_runs(config, names) if run[1] == BUDGET_METHOD]


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
