"""What a configuration may not say although every value of it is allowed by itself."""

from collections.abc import Sequence

from mtnas.config.links import check_kept, reason
from mtnas.config.options import CONTROLS, READ
from mtnas.config.resolve import (
    drawn_options,
    num_tasks,
    origin,
    resolve_options,
    resolve_training,
    resolve_tuning,
    training_origin,
    trial_seeds,
    value_at,
)
from mtnas.config.schema import is_control, searches
from mtnas.config.study import BUDGET_METHOD, PAPER, Config
from mtnas.config.validation import place
from mtnas.data import sources
from mtnas.data.prepare.parts import check_split_of
from mtnas.data.prepare.splits import split_sizes
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, MtnasError, unknown
from mtnas.study.grids import grid_of
from mtnas.study.job_checks import check_jobs, check_tables
from mtnas.study.runs import experiment_runs


def check_study(config: Config) -> None:
    """Raise `ConfigError` for the first thing that contradicts another or does not exist."""
    _check_synthetic(config)
    _check_datasets(config)
    _check_experiments(config)
    _check_options(config)
    check_jobs(config)
    _check_tuning(config)


def _check_synthetic(config: Config) -> None:
    """Refuse a name that a dataset has, and a search that is rewarded with an AUC of numbers."""
    for name in config["synthetic"]:
        if name in sources.available():
            where = place(("synthetic", name), config.origins)
            raise ConfigError(f"{where}: another dataset has this name; take another")
        for method, schema in config.schema["$defs"]["methods"].items():
            for variant in config.variants(method) if searches(schema) else ():
                search = resolve_options(config, name, method, variant)["search"]
                rewarded = "reward" in READ[search["strategy"]]
                if rewarded and name in config["datasets"] and search["reward"] == "auc_sum":
                    raise ConfigError(
                        f"{origin(config, name, method, variant, 'search.reward')}: 'auc_sum', "
                        f"but labels of {name} are numbers and have no AUC; use reward: neg_loss"
                    )


def _check_datasets(config: Config) -> None:
    """Refuse fields that a dataset does not have, splits that suit no table, rows from nowhere."""
    for name, own in config["dataset_options"].items():
        where = place(("dataset_options", name, "drop_fields"), config.origins)
        if own.get("drop_fields"):
            sources.load(name).kept_fields(own["drop_fields"], where)
        _check_simulated(config, name)
        try:
            if own.get("split") and name in config["synthetic"]:
                split_sizes(drawn_options(config, name).rows, own["split"])
            elif own.get("split"):
                check_split_of(sources.load(name), own["split"])
        except MtnasError as error:
            where = place(("dataset_options", name, "split"), config.origins)
            raise ConfigError(f"{where}: {error}") from None


def _check_simulated(config: Config, dataset: str) -> None:
    """Refuse to simulate what nobody can, and what is read from a folder."""
    own = config["dataset_options"][dataset]
    rows, raw, known = own.get("simulate"), own.get("raw"), plugins.names("data.simulators")
    if rows is None:
        return
    where = place(("dataset_options", dataset, "simulate"), config.origins)
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
            where = place(("experiments", name), config.origins)
            raise ConfigError(f"{where}: no key `methods`; list the methods to run")
        for method, variants in experiment.get("variants", {}).items():
            _check_variants(config, method, variants, ("experiments", name, "variants", method))
        for dataset in experiment.get("datasets", ()):
            if dataset not in (known := config["datasets"]):
                where = place(("experiments", name, "datasets"), config.origins)
                raise ConfigError(unknown("dataset of this study", dataset, known, where))
        for dataset, method, _ in experiment_runs(config, name):
            if is_control(config.method(method)) and dataset in config["synthetic"]:
                where = place(("experiments", name, "methods"), config.origins)
                raise ConfigError(
                    f"{where}: {method!r} predicts probabilities, but labels of {dataset} are "
                    "numbers; leave it out, or give the experiment `datasets` with binary labels"
                )


def _check_variants(
    config: Config, method: str, variants: Sequence[str], keys: Sequence[str]
) -> None:
    """Refuse the first name that is no variant of a method."""
    for variant in variants:
        if variant not in config.variants(method):
            where = place(keys, config.origins)
            raise ConfigError(
                unknown(f"variant of {method}", variant, config.variants(method), where)
            )


def _check_options(config: Config) -> None:
    """Resolve every variant once, so that options that contradict each other show here."""
    for dataset in dict.fromkeys([*config["datasets"], *config["dataset_options"]]):
        for method in config.schema["$defs"]["methods"]:
            for variant in config.variants(method):
                _check_training(config, dataset, method, variant)
                _check_links(config, dataset, method, variant)
                _check_strategy(config, dataset, method, variant)
        _check_budget(config, dataset)


def _check_training(config: Config, dataset: str, method: str, variant: str) -> None:
    """Refuse weights of other tasks than there are, and tables per task where routes are."""
    weights = resolve_training(config, dataset, method, variant)["loss_weights"]
    tasks = num_tasks(config, dataset)
    if weights is not None and len(weights) != tasks:
        raise ConfigError(
            f"{training_origin(config, dataset, method, variant, 'loss_weights')}: {len(weights)} "
            f"numbers, but {dataset} has {tasks} tasks; give one for each, in their order"
        )
    own = value_at(config, ("variants", method, variant, "training"))
    if searches(config.method(method)) and own.get("embedding_per_task"):
        check_tables(config, (dataset, method, variant))


def _check_links(config: Config, dataset: str, method: str, variant: str) -> None:
    """Refuse links to experts that a method does not have, where links can be cut."""
    options = resolve_options(config, dataset, method, variant)
    if options.get("kept") is None:
        return
    try:
        check_kept(options["kept"], options["num_experts"])
    except ConfigError as error:
        where = origin(config, dataset, method, variant, "kept")
        raise ConfigError(f"{where}: {reason(error)}") from None


def _check_strategy(config: Config, dataset: str, method: str, variant: str) -> None:
    """Refuse to derive weights from a search that trains none."""
    options = resolve_options(config, dataset, method, variant)
    if not searches(config.method(method)) or options["derive"] == "retrain":
        return
    if options["search"]["strategy"] in CONTROLS:
        raise ConfigError(
            f"{origin(config, dataset, method, variant, 'derive')}: {options['derive']!r} needs "
            f"the weights of a supernet, and the search strategy "
            f"{options['search']['strategy']!r} trains none; use derive: retrain"
        )


def _check_budget(config: Config, dataset: str) -> None:
    """Refuse a budget without a size: it is what all other widths are solved from."""
    known = BUDGET_METHOD in config.schema["$defs"]["methods"]
    if known and resolve_options(config, dataset, BUDGET_METHOD)["hidden_dim"] is None:
        raise ConfigError(
            f"{origin(config, dataset, BUDGET_METHOD, PAPER, 'hidden_dim')}: null is solved to "
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
            strangers = sorted(set(trial_seeds(config, tuning)) - set(config["seeds"]))
            if strangers and searches(config.method(method)):
                where = _tuning_place(config, dataset, "seeds")
                raise ConfigError(
                    f"{where}: {strangers} are no seeds of this study, so {method} has no route "
                    f"for them; allowed: {config['seeds']}"
                )


def _tuning_place(config: Config, dataset: str, key: str) -> str:
    """Say where the last word about a key of the grid search of a dataset stands."""
    own = ("dataset_options", dataset, "tuning")
    keys = own if key in value_at(config, own) else ("tuning",)
    return place((*keys, key), config.origins)
