"""Which routes of a space are the same up to the numbers of sub-networks."""

from itertools import permutations, product

from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace


def patterns(space: SearchSpace) -> list[int]:
    """Return, for every route of a space, the number of the first route that shares like it.

    Two routes share alike if they compute the same (`Route.canonical`) once the
    sub-networks within each layer are renamed. Their models differ in the initial weights alone.
    """
    layers = [space.layer(layer) for layer in range(space.num_layers)]
    if all(space.num_local_routes(block) == 1 for block in space.network.blocks):
        layers = []  # all share all sub-networks, whatever their names
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
