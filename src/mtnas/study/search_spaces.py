"""The spaces of a study: the paper's, and small ones all of whose routes are trained.

A small space (key `exhaustive`) is the network of the first variant of MTNAS that is named for it.
A variant with the same network whose routes are retrained is judged by looking its routes up: the
model of each is there. Any other (inherited weights, another query scope) is judged by its own run.
Nothing here imports torch.
"""

from dataclasses import dataclass

from mtnas.config.resolve import drawn_options, num_tasks, resolve_options
from mtnas.config.study import BUDGET_METHOD as METHOD
from mtnas.config.study import Config, Spec
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.study.runs import search_home
from mtnas.study.specs import ExhaustiveSpec, ModelSpec, run_spec


@dataclass(frozen=True)
class Judged:
    """One variant and how it is judged: by its routes, or (`by_run`) by its run.

    The files are those of variant `home`: variants with the same search share its routes.
    """

    variant: str
    home: str
    by_run: bool


def exhaustive_spec(config: Config, dataset: str, space: str) -> ExhaustiveSpec:
    """Return what identifies the ground truth of a space."""
    spec = run_spec(config, dataset, METHOD, variants_of(config, space)[0])
    shared = {name: getattr(spec, name) for name in ModelSpec.model_fields}
    drawn = drawn_options(config, dataset) if dataset in config["synthetic"] else None
    return ExhaustiveSpec(**shared, space=space, synthetic=drawn)


def full_space(config: Config, dataset: str) -> SearchSpace:
    """Return the space that variant `paper` of MTNAS searches on a dataset."""
    options = resolve_options(config, dataset, METHOD)
    names = ("num_layers", "num_subnets", "query_scope", "pooling")
    sizes = {name: options[name] for name in names}
    return SearchSpace(**sizes, num_tasks=num_tasks(config, dataset))


def typical_methods(config: Config, dataset: str) -> Spec:
    """Return what Fig. 1(a-c) shows of a dataset, as `subgraphs.typical_routes` takes it."""
    return {
        "num_tasks": num_tasks(config, dataset),
        "num_experts": resolve_options(config, dataset, "mmoe")["num_experts"],
        "cut": resolve_options(config, dataset, "cut_mmoe"),
    }


def judged(config: Config, dataset: str, space: str) -> list[Judged]:
    """Return the variants that a space judges, in the order of the configuration."""
    truth = exhaustive_spec(config, dataset, space)
    found = []
    for variant in variants_of(config, space):
        spec = run_spec(config, dataset, METHOD, variant)
        alike = (spec.options, spec.training) == (truth.options, truth.training)
        by_run = spec.derive != "retrain" or not alike
        home = variant if by_run else search_home(config, dataset, METHOD, variant)
        found.append(Judged(variant, home, by_run))
    return found


def variants_of(config: Config, space: str) -> list[str]:
    """Return the variants named for a space."""
    spaces = config["exhaustive"]
    if space not in spaces:
        raise ConfigError(unknown("space", space, spaces, "config: exhaustive"))
    names: list[str] = spaces[space]
    return names
