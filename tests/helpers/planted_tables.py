"""Tasks whose right embedding tables are known, all assignments trained, and searches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas import methods
from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.search.strategies import searcher
from mtnas.training.data import Examples, Split
from mtnas.training.ensemble import Ensemble, Member
from mtnas.training.fit import evaluate_loss, fit

FIELDS, IDS, ROWS = 4, 30, 3000
TRAINING = TrainingOptions(
    batch_size=100, embedding_dim=1, embedding_std=0.1, learning_rate=0.01, weight_decay=1e-5,
    epochs=30, patience=3, dtype="float64",
)  # fmt: skip
OPTIONS = {
    **{"num_layers": 1, "num_subnets": 1, "query_scope": "root", "hidden_dim": 8},
    **{"tables": "searched", "subnet_routes": "full_sharing"},
}
# Which share of the effects of every task's ids is common to all tasks.
KINDS = {"shared": (1.0, 1.0), "own": (0.0, 0.0), "half": (0.5, 0.5), "mixed": (1.0, 1.0, 0.0)}


def planted(kind: str, seed: int = 0, rows: int = ROWS) -> Examples:
    """Return binary tasks that follow the sum of an effect per id, common in part.

    Embeddings have one dimension, so a table that tasks share can hold one effect of an id.
    """
    rng, common = np.random.default_rng(seed), np.array(KINDS[kind])
    ids = rng.integers(IDS, size=(rows, FIELDS)) + IDS * np.arange(FIELDS)
    shared, own = rng.normal(size=(FIELDS * IDS, 1)), rng.normal(size=(FIELDS * IDS, len(common)))
    effect = np.sqrt(common) * shared + np.sqrt(1 - common) * own
    logit = effect[ids].sum(1)
    labels = (rng.random(logit.shape) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    return Examples.from_arrays(ids.astype(np.int32), labels)


def split(rows: int = ROWS) -> Split:
    """Return a third of the rows for training, a third for validation, a third for test."""
    return Split(*np.split(np.arange(rows), [rows // 3, 2 * rows // 3]))


def ensemble(
    data: Examples, seeds: Sequence[int], routes: Sequence[Route] = (), **options: Any
) -> Ensemble:
    """Return an ensemble of MTNAS that chooses tables, one model per seed."""
    method = methods.load("mtnas")
    chosen, tasks = method.options(**{**OPTIONS, **options}), data.labels.shape[1]
    readers = chosen.num_readers(tasks, TRAINING)
    encoder = Encoder(data.inputs.layout, TRAINING.embedding_dim, num_readers=readers)
    given = [*routes] or [None] * len(seeds)

    def build(member: Member) -> Model:
        return Model(method, chosen, encoder=encoder, num_tasks=tasks, route=member.route)

    members = [
        Member(seed, tuple(range(tasks)), route) for seed, route in zip(seeds, given, strict=True)
    ]
    return Ensemble(members, build, num_rows=data.num_rows, options=TRAINING)


def space(data: Examples, **options: Any) -> SearchSpace:
    """Return the space of tables of some tasks."""
    chosen = methods.load("mtnas").options(**{**OPTIONS, **options})
    return chosen.space(data.labels.shape[1])


def letters(route: Route) -> str:
    """Return which tables every task reads: S, O or B for each."""
    found = {True: {True: "B", False: "S"}, False: {True: "O"}}
    return "".join(
        found[any(len(n) == 1 for n in local.values)][any(len(n) > 1 for n in local.values)]
        for block, local in route
        if block in route.space.inputs
    )


def every_loss(data: Examples, seeds: Sequence[int], **options: Any) -> pd.DataFrame:
    """Return the test loss of every assignment of tables, a row each, seeds as columns."""
    one = space(data, **options)
    routes = [Route.at(one, i) for i in range(one.num_routes)]
    pairs = [(seed, route) for seed in seeds for route in routes]
    trained = ensemble(data, [s for s, _ in pairs], [r for _, r in pairs], **options)
    splits = [split(len(data.labels))] * len(pairs)
    fitted = fit(trained, data, splits, TRAINING)
    (state,) = fitted.states
    trained.load(state)
    loss_MT = evaluate_loss(trained, data, [own.test for own in splits])
    losses = loss_MT.sum(-1).numpy().reshape(len(seeds), -1).T
    return pd.DataFrame(losses, index=list(map(letters, routes)), columns=list(seeds))


def picks(data: Examples, seeds: Sequence[int], search: SearchOptions, **options: Any) -> list[str]:
    """Return which tables a search picks for every seed."""
    supernet, splits = ensemble(data, seeds, **options), [split(len(data.labels))] * len(seeds)
    found = searcher(search)(supernet, data, splits, search, TRAINING).run()
    return [letters(of.route) for of in found.routes]


def regret(losses: pd.DataFrame, picked: Sequence[str]) -> NDArray[np.float64]:
    """Return what every seed's pick loses against the assignment that is best on average."""
    best = losses.loc[losses.mean(axis=1).idxmin()]
    own = [losses.at[pick, seed] for pick, seed in zip(picked, losses.columns, strict=True)]
    return np.asarray(own - best)
