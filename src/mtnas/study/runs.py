"""Which runs and searches a study has."""

from functools import cache

from mtnas.config.options import CONTROLS
from mtnas.config.schema import searches
from mtnas.config.study import PAPER, Config, Run
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.study.specs import search_spec


def experiment_runs(config: Config, experiment: str) -> list[Run]:
    """Return the (dataset, method, variant) of every run of an experiment, in reading order."""
    experiments = config["experiments"]
    if experiment not in experiments:
        raise ConfigError(unknown("experiment", experiment, experiments, "config: experiments"))
    wanted = experiments[experiment]
    return [
        (dataset, method, variant)
        for dataset in wanted.get("datasets", config["datasets"])
        for method in wanted.get("methods", ())
        for variant in wanted.get("variants", {}).get(method, [PAPER])
    ]


def experiment_searches(config: Config, experiment: str) -> list[Run]:
    """Return the searches of an experiment that learn, each once, named by their home."""
    runs = experiment_runs(config, experiment)
    specs = [search_spec(config, *run) for run in runs if searches(config.method(run[1]))]
    learned = [
        (spec.dataset, spec.method, spec.variant)
        for spec in specs
        if spec.search.strategy not in CONTROLS
    ]
    return list(dict.fromkeys((d, m, search_home(config, d, m, v)) for d, m, v in learned))


def all_runs(config: Config) -> list[Run]:
    """Return the runs of all experiments, each once."""
    runs = (run for name in config["experiments"] for run in experiment_runs(config, name))
    return list(dict.fromkeys(runs))


def search_home(config: Config, dataset: str, method: str, variant: str = PAPER) -> str:
    """Return the first variant with the same search: they share its routes."""
    if variant not in config.variants(method):
        raise ConfigError(
            unknown("variant", variant, config.variants(method), f"config: variants.{method}")
        )
    return _search_homes(config, dataset, method)[variant]


@cache
def _search_homes(config: Config, dataset: str, method: str) -> dict[str, str]:
    """Return the home of every variant of a method."""
    homes, first = {}, dict[str, str]()
    for variant in config.variants(method):
        spec = search_spec(config, dataset, method, variant).model_dump_json(exclude={"variant"})
        homes[variant] = first.setdefault(spec, variant)
    return homes
