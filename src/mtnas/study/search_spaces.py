"""Small search spaces in which every route is trained, to see how good a search is.

The key `exhaustive` names variants of MTNAS for each space; the network of the first one makes the
space. A variant with this network that trains new weights for its route is judged by the trained
model of that route, which is there already. Any other variant (with weights of the search, or
another query scope) is judged by its own run. Nothing here imports torch.
"""

from dataclasses import dataclass
from typing import TypedDict

from mtnas.config.options import BUDGET_METHOD as METHOD
from mtnas.config.study import Study
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.study.jobs import run_spec
from mtnas.study.runs import search_home
from mtnas.study.specs import ExhaustiveSpec, ModelSpec


@dataclass(frozen=True)
class Judged:
    """One variant, and whether its routes are looked up or (`by_run`) its own run counts.

    The files to read are those of variant `home`, since variants may share a search.
    """

    variant: str
    home: str
    by_run: bool


class TypicalMethods(TypedDict):
    """What `experiments.equivalence.typical_routes` needs to know of the methods in Fig. 1(a-c)."""

    num_tasks: int
    num_experts: int  # of MMoE
    cut: dict[str, object]  # the options of the cut MMoE


def exhaustive_spec(study: Study, dataset: str, space: str) -> ExhaustiveSpec:
    """Return what identifies the results of all routes of a space."""
    spec = run_spec(study, dataset, METHOD, variants_of(study, space)[0])
    shared = {name: getattr(spec, name) for name in ModelSpec.model_fields}
    return ExhaustiveSpec(**shared, space=space, synthetic=study.synthetic.get(dataset))


def typical_methods(study: Study, dataset: str) -> TypicalMethods:
    """Return what to know of the methods in Fig. 1(a-c) on a dataset."""
    mmoe, cut = (study.options(dataset, method).model_dump() for method in ("mmoe", "cut_mmoe"))
    tasks = study.num_tasks(dataset)
    return {"num_tasks": tasks, "num_experts": mmoe["num_experts"], "cut": cut}


def judged(study: Study, dataset: str, space: str) -> list[Judged]:
    """Return how each variant of a space is judged, in the order of the configuration."""
    truth = exhaustive_spec(study, dataset, space)
    found = []
    for variant in variants_of(study, space):
        spec = run_spec(study, dataset, METHOD, variant)
        alike = (spec.options, spec.training) == (truth.options, truth.training)
        by_run = spec.derive != "retrain" or not alike
        home = variant if by_run else search_home(study, dataset, METHOD, variant)
        found.append(Judged(variant, home, by_run))
    return found


def variants_of(study: Study, space: str) -> tuple[str, ...]:
    """Return the variants named for a space."""
    if space not in study.exhaustive:
        raise ConfigError(unknown("space", space, study.exhaustive, "config: exhaustive"))
    return study.exhaustive[space]
