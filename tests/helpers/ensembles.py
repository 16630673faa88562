"""Ensembles of small models of any method, for tests."""

from collections.abc import Sequence
from typing import Any, Literal

from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.config.training import Alignment
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.routes.route import Route
from mtnas.training.data import Examples
from mtnas.training.ensemble import Ensemble, Member

SMALL_WIDTH = 8


def small_options(method: methods.Method, **options: Any) -> Any:
    """Return the options of a method with every width set to something small."""
    widths = {"hidden_dim": SMALL_WIDTH, "root_dim": SMALL_WIDTH}
    known = {k: v for k, v in widths.items() if k in method.options.model_fields}
    return method.options(**{**known, **options})


def small_ensemble(
    name: str,
    seeds: Sequence[int],
    examples: Examples,
    *,
    dtype: Literal["float32", "float64"] = "float64",
    routes: Sequence[Route] | None = None,
    embedding_per_task: bool = False,
    tasks: tuple[int, ...] | None = None,
    alignment: Alignment = "none",
    **options: Any,
) -> Ensemble:
    """Return an ensemble of one small model per seed (and per task, where the method says so).

    `tasks` are those that are learned; None: all.
    """
    method = methods.load(name)
    chosen = small_options(method, **options)
    tasks = tuple(range(examples.labels.shape[1])) if tasks is None else tasks
    subsets = [(t,) for t in tasks] if method.per_task else [tasks]
    given = dict(zip(seeds, routes, strict=True)) if routes is not None else {}
    members = [Member(s, subset, given.get(s)) for s in seeds for subset in subsets]
    training = TrainingOptions(embedding_dim=3, dtype=dtype, embedding_per_task=embedding_per_task)

    def build(member: Member) -> Model:
        number, widths = len(member.tasks), examples.output_layout.of(member.tasks).widths
        readers = chosen.num_readers(number, training)
        encoder = Encoder(examples.inputs.layout, 3, num_readers=readers)
        return Model(
            method,
            chosen,
            encoder=encoder,
            num_tasks=number,
            widths=widths,
            route=member.route,
            alignment=alignment,
        )

    return Ensemble(members, build, num_rows=examples.num_rows, options=training)
