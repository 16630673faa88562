"""Which search a strategy is: the supernet's, or a control that trains nothing."""

from mtnas.config.options import SearchOptions
from mtnas.search import controls
from mtnas.search.differentiable import GumbelSearch
from mtnas.search.ranking import Exhaustive, ExhaustiveTrained, Random, RandomTrained
from mtnas.search.reinforce import Search

CONTROLS = {
    "random": controls.random_routes,
    "full_sharing": controls.full_routes,
    "no_sharing": controls.separate_routes,
}
STRATEGIES: dict[str, dict[str, type[Search]]] = {  # by judge, where there is a choice
    "reinforce": {"supernet": Search},
    "differentiable": {"supernet": GumbelSearch},
    "random_search": {"supernet": Random, "training": RandomTrained},
    "exhaustive": {"supernet": Exhaustive, "training": ExhaustiveTrained},
}


def searcher(options: SearchOptions) -> type[Search]:
    """Return the search that options ask for."""
    judges = STRATEGIES[options.strategy]
    return judges.get(options.judge, judges["supernet"])
