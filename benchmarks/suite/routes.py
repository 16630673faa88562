"""All 49 routes of L = 1, H = 3 for five seeds: in one process together, or one after another."""

import itertools
import time
from collections.abc import Sequence

import torch

from benchmarks.harness import ratio, spread
from benchmarks.outcome import Outcome, Settings
from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.training.data import Examples
from mtnas.training.ensemble import Ensemble, Member
from mtnas.training.trainer import Trainer
from tests.helpers.synthetic import examples

SEEDS = range(5)
WIDTH = 8  # of the synthetic study's sub-networks
BATCH = 512
SPACE = SearchSpace(1, 3, 2, "root")
TRAINING = TrainingOptions(batch_size=BATCH, learning_rate=0.01)
AT_ONCE = (1, 7, 49, 245)


def run(settings: Settings) -> Outcome:
    """Measure one weight step of all 245 models, in groups of several sizes."""
    torch.set_num_threads(1)
    data, members = examples(rows=10_000), everyone()
    trainers = {size: _trainers(data, members, size) for size in AT_ONCE}
    times: dict[int, list[float]] = {size: [] for size in AT_ONCE}
    steps = 1 if settings.quick else 5
    for number in range(2 if settings.quick else settings.rounds + 1):
        for size, group in trainers.items():
            seconds = _seconds(group, data, steps)
            if number > 0:  # the first round warms up
                times[size].append(1e3 * seconds / steps)
    apart = times[1]
    best = min(AT_ONCE[1:], key=lambda size: spread(times[size])[0])
    return Outcome(
        title="One weight step of 49 routes x 5 seeds (L = 1, H = 3, width 8), one thread",
        columns=("Models at once", "ms for all 245, median", "min", "max"),
        rows=[(size, *spread(times[size])) for size in AT_ONCE],
        ratios={"routes_together_vs_apart": ratio(apart, times[best])},
    )


def everyone() -> list[Member]:
    """Return one member per route and seed."""
    locals_of = [
        [SPACE.local_route(block, i) for i in range(SPACE.num_local_routes(block))]
        for block in SPACE.blocks
    ]
    routes = [Route(SPACE, chosen) for chosen in itertools.product(*locals_of)]
    return [Member(seed, (0, 1), route) for route in routes for seed in SEEDS]


def _trainers(data: Examples, members: Sequence[Member], size: int) -> list[Trainer]:
    method = methods.load("mtnas")
    options = method.options(num_layers=1, num_subnets=3, hidden_dim=WIDTH, query_scope="root")
    encoder = Encoder(data.inputs.layout, TRAINING.embedding_dim)

    def build(member: Member) -> Model:
        return Model(method, options, encoder=encoder, num_tasks=2, route=member.route)

    return [
        Trainer(
            Ensemble(members[i : i + size], build, num_rows=data.num_rows, options=TRAINING),
            data,
            TRAINING,
        )
        for i in range(0, len(members), size)
    ]


def _seconds(trainers: Sequence[Trainer], data: Examples, steps: int) -> float:
    batch_B = torch.arange(BATCH)
    started = time.perf_counter()
    for step in range(steps):
        for trainer in trainers:
            trainer.step((batch_B + step * BATCH).expand(len(trainer.ensemble), -1))
    return time.perf_counter() - started
