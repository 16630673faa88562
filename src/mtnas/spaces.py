"""Small spaces, every route of which is trained (key `exhaustive`), and what they judge.

A space is the network of the first variant of MTNAS that is named for it. A variant with the same
network whose routes are retrained is judged by looking its routes up: the model of each is there.
Any other (inherited weights, another query scope) is judged by the test loss of its own run.
Nothing here imports torch.
"""

from dataclasses import dataclass

from mtnas.config import BUDGET_METHOD as METHOD
from mtnas.config import Config, Spec, run_spec, search_home
from mtnas.errors import ConfigError, unknown


@dataclass(frozen=True)
class Judged:
    """One variant and how it is judged: by its routes, or (`by_run`) by its run.

    The files are those of variant `home`: variants with the same search share its routes.
    """

    variant: str
    home: str
    by_run: bool


def exhaustive_spec(config: Config, dataset: str, space: str) -> Spec:
    """Return what identifies the ground truth of a space."""
    spec = run_spec(config, dataset, METHOD, variants_of(config, space)[0])
    kept = ("dataset", "method", "seeds", "fixed_split", "options", "training", "budget")
    return {"space": space, **{key: spec[key] for key in kept}}


def judged(config: Config, dataset: str, space: str) -> list[Judged]:
    """Return the variants that a space judges, in the order of the configuration."""
    truth = exhaustive_spec(config, dataset, space)
    found = []
    for variant in variants_of(config, space):
        spec = run_spec(config, dataset, METHOD, variant)
        by_run = spec["derive"] != "retrain" or spec["options"] != truth["options"]
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
