"""Which runs and searches a study has."""

import json
from collections.abc import Sequence
from functools import cache

from mtnas.config.specs import search_spec
from mtnas.config.study import BUDGET_METHOD, PAPER, Config, Run
from mtnas.errors import ConfigError, unknown
from mtnas.options import CONTROLS
from mtnas.schema import searches


def experiment_runs(config: Config, experiment: str) -> list[Run]:
    """Return the (dataset, method, variant) of every run of an experiment, in reading order."""
    experiments = config["experiments"]
    if experiment not in experiments:
        raise ConfigError(unknown("experiment", experiment, experiments, "config: experiments"))
    variants = experiments[experiment].get("variants", {})
    return [
        (dataset, method, variant)
        for dataset in config["datasets"]
        for method in experiments[experiment].get("methods", ())
        for variant in variants.get(method, [PAPER])
    ]


def experiment_searches(config: Config, experiment: str) -> list[Run]:
    """Return the searches of an experiment that learn, each once, named by their home."""
    runs = experiment_runs(config, experiment)
    specs = [search_spec(config, *run) for run in runs if searches(config.method(run[1]))]
    learned = [
        (spec["dataset"], spec["method"], spec["variant"])
        for spec in specs
        if spec["search"]["strategy"] not in CONTROLS
    ]
    return list(dict.fromkeys((d, m, search_home(config, d, m, v)) for d, m, v in learned))


def all_runs(config: Config) -> list[Run]:
    """Return the runs of all experiments, each once."""
    runs = (run for name in config["experiments"] for run in experiment_runs(config, name))
    return list(dict.fromkeys(runs))


def variant_runs(config: Config, variants: Sequence[str]) -> list[Run]:
    """Return the runs of these variants of MTNAS, with those of `paper` and Single beside them.

    Datasets without any of the variants are left out.
    """
    runs = all_runs(config)
    having = [d for d, m, v in runs if m == BUDGET_METHOD and v in variants]
    beside = ((BUDGET_METHOD, PAPER), ("single_task", PAPER))
    wanted = (*((BUDGET_METHOD, variant) for variant in variants), *beside)
    return [run for run in runs if run[0] in having and run[1:] in wanted]


def sweep_runs(config: Config, kind: str) -> list[Run]:
    """Return the runs of MTNAS named `{kind}_1`, `{kind}_2` ..., and `paper` beside them."""
    names = [v for v in config.variants(BUDGET_METHOD) if v.startswith(f"{kind}_")]
    return [run for run in variant_runs(config, names) if run[1] == BUDGET_METHOD]


def search_home(config: Config, dataset: str, method: str, variant: str = PAPER) -> str:
    """Return the first variant with the same search: they share its routes."""
    if variant not in config.variants(method):
        raise ConfigError(
            unknown("variant", variant, config.variants(method), f"config: variants: {method}")
        )
    return _search_homes(config, dataset, method)[variant]


@cache
def _search_homes(config: Config, dataset: str, method: str) -> dict[str, str]:
    """Return the home of every variant of a method."""
    homes, first = {}, dict[str, str]()
    for variant in config.variants(method):
        spec = {**search_spec(config, dataset, method, variant), "variant": None}
        homes[variant] = first.setdefault(json.dumps(spec, sort_keys=True), variant)
    return homes
