"""What a configuration may not ask of the jobs that it has, however it is allowed elsewhere."""

from collections.abc import Sequence

from mtnas.config.links import kept_links, reason
from mtnas.config.options import SearchOptions
from mtnas.config.resolve import (
    num_tasks,
    origin,
    resolve_options,
    resolve_training,
    training_origin,
)
from mtnas.config.schema import is_control, searches
from mtnas.config.study import BUDGET_METHOD, PAPER, Config, Run, Spec
from mtnas.config.validation import place
from mtnas.routes.space import MOST_ROUTES, SearchSpace
from mtnas.runtime.errors import ConfigError
from mtnas.study.runs import all_runs


def check_jobs(config: Config) -> None:
    """Raise `ConfigError` for the first run or space that its job would refuse."""
    _check_spaces(config)
    runs = all_runs(config)
    judged = [
        (dataset, BUDGET_METHOD, variant)
        for variants in config["exhaustive"].values()
        for dataset in config["datasets"]
        for variant in variants
    ]
    for run in dict.fromkeys([*runs, *judged]):
        if not is_control(config.method(run[1])):
            check_tables(config, run)
        _check_budget(config, run)
    for run in dict.fromkeys([*runs, *_drawn(config, runs)]):
        _check_links(config, run)


def _check_spaces(config: Config) -> None:
    """Refuse to train every route of a space that has too many."""
    for space, (variant, *_) in config["exhaustive"].items():
        for dataset in config["datasets"]:
            options = resolve_options(config, dataset, BUDGET_METHOD, variant)
            if _has_more(_space(config, dataset, options), MOST_ROUTES):
                sizes = ("num_layers", "num_subnets", "query_scope")
                said = ", ".join(f"{key} {options[key]}" for key in sizes)
                raise ConfigError(
                    f"{place(('exhaustive', space), config.origins)}: its network, that of "
                    f"{variant!r} ({said}), has more than {MOST_ROUTES:,} routes on {dataset}, "
                    "too many to train one and all; name a variant first that has fewer layers "
                    "or sub-networks, or query_scope: root"
                )


def _check_budget(config: Config, run: Run) -> None:
    """Refuse to try every route in a search that has fewer route evaluations than routes."""
    options = resolve_options(config, *run)
    search = options.get("search")
    if search is None or search["strategy"] != "exhaustive":
        return
    budget = SearchOptions.of(search, "").route_evaluations
    if _has_more(_space(config, run[0], options), budget):
        raise ConfigError(
            f"{origin(config, *run, 'search.strategy')}: exhaustive, but the space has more routes "
            f"on {run[0]} than the search has route evaluations, {budget:,} "
            "(steps x routes_per_step); raise them, or take a smaller space"
        )


def _space(config: Config, dataset: str, options: Spec) -> SearchSpace:
    """Return the search space of options on a dataset."""
    names = ("num_layers", "num_subnets", "query_scope", "pooling")
    sizes = {name: options[name] for name in names}
    return SearchSpace(**sizes, num_tasks=num_tasks(config, dataset))


def _has_more(space: SearchSpace, most: int) -> bool:
    """Whether a space has more than `most` routes, without multiplying out what is far larger."""
    routes = 1
    for block in space.blocks:
        routes *= space.num_local_routes(block)
        if routes > most:
            return True
    return False


def check_tables(config: Config, run: Run) -> None:
    """Refuse embedding tables per task where routes are searched, or where there are none."""
    dataset, method, _ = run
    searched = searches(config.method(method))
    numbers = dataset in config["synthetic"]
    if (searched or numbers) and resolve_training(config, *run)["embedding_per_task"]:
        where = training_origin(config, *run, "embedding_per_task")
        why = f"the inputs of {dataset} are numbers, without embeddings"
        instead = "`dataset_options` of other datasets"
        if searched:
            why = f"{method} searches routes of one input, not of one per task"
            instead = "`variants` of other methods"
        raise ConfigError(f"{where}: true, but {why}; leave it out, or set it in {instead}")


def _drawn(config: Config, runs: Sequence[Run]) -> list[Run]:
    """Return what Fig. 1(c) shows of methods that cut links and that no experiment runs."""
    methods = config.schema["$defs"]["methods"]
    cutting = {name for name, schema in methods.items() if "kept" in schema["properties"]}
    idle = sorted(cutting.difference(method for _, method, _ in runs))
    return [(dataset, method, PAPER) for dataset in config["datasets"][:1] for method in idle]


def _check_links(config: Config, run: Run) -> None:
    """Refuse links of other tasks than a dataset has, and experts that are too few to be cut."""
    options = resolve_options(config, *run)
    if "kept" not in options:
        return
    try:
        kept_links(options["kept"], options["num_experts"], num_tasks(config, run[0]))
    except ConfigError as error:
        option = "num_experts" if options["kept"] is None else "kept"
        where = origin(config, *run, option)
        raise ConfigError(f"{where}: on {run[0]}: {reason(error)}") from None
