"""Which searches a study has. Variants that need the same search share one, and its routes."""

from functools import cache

from mtnas.config.entries import PAPER
from mtnas.config.options import CONTROLS, RunKey
from mtnas.config.study import Study
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.study.jobs import search_spec


def experiment_searches(study: Study, experiment: str) -> list[RunKey]:
    """Return the searches of an experiment, each once, without controls that learn nothing.

    Each is named after the first variant that needs it (`search_home`).
    """
    runs = [run for run in study.runs(experiment) if study.method(run[1]).searches]
    learned = [run for run in runs if search_spec(study, *run).search.strategy not in CONTROLS]
    return list(dict.fromkeys((d, m, search_home(study, d, m, v)) for d, m, v in learned))


def search_home(study: Study, dataset: str, method: str, variant: str = PAPER) -> str:
    """Return the first variant that needs the same search; the search is stored under its name."""
    known = study.variants_of(method)
    if variant not in known:
        raise ConfigError(unknown("variant", variant, known, f"config: variants.{method}"))
    return _search_homes(study, dataset, method)[variant]


@cache
def _search_homes(study: Study, dataset: str, method: str) -> dict[str, str]:
    """Return `search_home` of every variant of a method."""
    homes, first = {}, dict[str, str]()
    for variant in study.variants_of(method):
        spec = search_spec(study, dataset, method, variant).model_dump_json(exclude={"variant"})
        homes[variant] = first.setdefault(spec, variant)
    return homes
