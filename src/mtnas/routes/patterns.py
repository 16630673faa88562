"""Which routes of a space share in the same way."""

from itertools import permutations, product

from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace


def patterns(space: SearchSpace) -> list[int]:
    """Return, for every route of a space, the first route that shares in the same way.

    That is one which computes the same (`canonical`) after sub-networks changed their names within
    their layers. Models of such routes differ in the initialisation alone.
    """
    layers = [space.layer(layer) for layer in range(space.num_layers)]
    orders = [
        {
            old: new
            for names, order in zip(layers, chosen, strict=True)
            for old, new in zip(names, order, strict=True)
        }
        for chosen in product(*(permutations(names) for names in layers))
    ]
    first: dict[int, int] = {}
    found = []
    for index in range(space.num_routes):
        route = Route.at(space, index).canonical()
        if route.index not in first:
            for names in orders:
                first[route.renamed(names).canonical().index] = index
        found.append(first[route.index])
    return found
