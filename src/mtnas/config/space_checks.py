"""The search spaces of a configuration, and checks of them and of what searches them."""

from mtnas.config.entries import PAPER
from mtnas.config.options import BUDGET_METHOD, CONTROLS, READ, RunKey, SearchedOptions
from mtnas.config.study import Study
from mtnas.routes.space import MOST_ROUTES, SearchSpace
from mtnas.runtime.errors import ConfigError


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


def check_search(study: Study, run: RunKey) -> None:
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
    _check_controls(study, run, options)
    drawn = dataset in study.synthetic and dataset in study.datasets
    if drawn and "reward" in READ[strategy] and options.search.reward == "auc_sum":
        raise ConfigError(
            f"{study.place_of(run, 'search', 'reward')}: 'auc_sum', but labels of {dataset} are "
            "numbers, and only binary tasks have an AUC; use reward: neg_loss"
        )


def _check_controls(study: Study, run: RunKey, options: SearchedOptions) -> None:
    """Refuse controls of a search that have no weights to take, or no size to match."""
    strategy, judge = options.search.strategy, options.search.judge
    alone = judge == "training" and "judge" in READ[strategy]
    if options.route != "searched" and (options.derive == "retrain" or alone):
        why = "new weights are trained (derive: retrain)"
        if alone:
            why = "each candidate is trained alone (search.judge: training), without a supernet"
        raise ConfigError(
            f"{study.place_of(run, 'route')}: {options.route!r}, but {why}; use derive: finetune "
            f"or inherit with a supernet, or, to train it anew, search.strategy: {options.route}"
        )
    solved = getattr(options, "hidden_dim", 0) is None
    if options.size_of == "routes" and not (solved and strategy in CONTROLS):
        why = f"the search strategy is {strategy!r}" if solved else "hidden_dim is a number"
        raise ConfigError(
            f"{study.place_of(run, 'size_of')}: 'routes' sets the width of a control to the size "
            f"that searched routes use, but {why}; use hidden_dim: null and one of the strategies "
            f"{', '.join(CONTROLS)}, or size_of: network"
        )


def check_exhaustive_search(study: Study, run: RunKey) -> None:
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


def _has_more(space: SearchSpace, most: int) -> bool:
    """Whether a space has more than `most` routes, without multiplying out what is far larger."""
    routes = 1
    for block in space.blocks:
        routes *= space.num_local_routes(block)
        if routes > most:
            return True
    return False
