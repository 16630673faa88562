"""Choose the class that runs a search strategy."""

from mtnas.config.options import SearchOptions
from mtnas.search.differentiable import GumbelSearch
from mtnas.search.ranking import Exhaustive, ExhaustiveTrained, Random, RandomTrained
from mtnas.search.reinforce import Search

STRATEGIES: dict[str, dict[str, type[Search]]] = {  # by what judges routes
    "reinforce": {"supernet": Search},
    "differentiable": {"supernet": GumbelSearch},
    "random_search": {"supernet": Random, "training": RandomTrained},
    "exhaustive": {"supernet": Exhaustive, "training": ExhaustiveTrained},
}


def searcher(options: SearchOptions) -> type[Search]:
    """Return the search that options ask for."""
    judges = STRATEGIES[options.strategy]
    return judges.get(options.judge, judges["supernet"])
