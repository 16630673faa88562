"""Searches: which routes were found, how sure the search was, how it went (routes.json)."""

from functools import cached_property
from statistics import fmean

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from mtnas.config.options import RunKey
from mtnas.evidence.records import DataFacts, Git
from mtnas.routes.route import Route
from mtnas.routes.space import SpaceArguments
from mtnas.routes.tables import space_from
from mtnas.runtime.errors import MtnasError
from mtnas.runtime.files import Json
from mtnas.runtime.record import Part, Record, without_defaults
from mtnas.runtime.seeds import split_of
from mtnas.runtime.usage import Traced
from mtnas.study.specs import SearchSpec


class Block(Part):
    """The local route of one block; probability and entropies (nats) where the search has them.

    `distribution` holds the probability of every local route, in a small space.
    """

    values: tuple[str, ...]
    query: str | None
    probability: float | None = None
    entropy: float | None = None
    uniform_entropy: float | None = None
    distribution: tuple[float, ...] | None = None


class FoundRoute(Part):
    """The route of one seed.

    `curve` has lists `step`, `reward` and `entropy`, in a small space also `route`, the number of
    the most probable one; `scores` what the candidates of a ranking were worth, by the number of
    the route; the rest is what the search spent.
    """

    blocks: dict[str, Block]
    describe: str
    edges: int
    curve: dict[str, tuple[float, ...]] = {}
    scores: dict[int, float] = {}
    undefined_rewards: int | None = None
    weight_steps: int | None = None
    route_evaluations: int | None = None
    converged: int | None = None  # the step of alpha, if the search ended by `until`

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        return without_defaults(dump(self), {"converged": None})


class SearchTimings(Part):
    """How long a search took, in seconds, and on what."""

    search_seconds: float
    total_seconds: float
    seeds_at_once: int
    device: str


class SearchRecord(Record, Traced):
    """A search record: the route of every seed, and what found it (routes.json)."""

    dataset: str
    method: str
    variant: str
    strategy: str
    simulated: bool
    space: SpaceArguments
    num_routes: int
    seeds: dict[int, FoundRoute]
    spec: SearchSpec
    timings: SearchTimings
    environment: dict[str, str | int | None]
    data: DataFacts | None = None  # older records do not tell, nor of git
    git: Git | None = None
    code: str | None = None

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        return without_defaults(dump(self), dict.fromkeys(("usage", "data", "git")))

    @model_validator(mode="after")
    def _routes_are_of_the_space(self) -> "SearchRecord":
        if not self.seeds:
            raise ValueError("lacks seeds")
        try:
            assert self.routes
        except (MtnasError, TypeError) as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def key(self) -> RunKey:
        """Return (dataset, method, variant)."""
        return self.dataset, self.method, self.variant

    @cached_property
    def routes(self) -> dict[int, Route]:
        """Return the route of every seed, seeds in order."""
        space = space_from(**self.space)
        return {
            seed: Route.from_json(space, {n: dict(b) for n, b in found.blocks.items()})
            for seed, found in sorted(self.seeds.items())
        }

    @property
    def first_routes(self) -> dict[int, Route]:
        """Return the route that the first restart of every split found, to compare splits."""
        restarts = self.spec.trained.restarts > 1
        return {s: r for s, r in self.routes.items() if not restarts or split_of(s) == s}

    @property
    def weight_steps(self) -> float | None:
        """Return the weight steps that a seed took, on average; by its options if none is recorded.

        None where it is neither recorded nor in the options, which may end a search earlier.
        """
        taken = [found.weight_steps for found in self.seeds.values()]
        known = [steps for steps in taken if steps is not None]
        if len(known) == len(taken):
            return fmean(known)
        options = self.spec.search
        if options.until != "steps" or options.epochs is not None:
            return None
        return float(options.weight_steps)

    @property
    def seconds(self) -> float:
        """Return the seconds that the search took, per seed."""
        return self.timings.search_seconds / len(self.seeds)
