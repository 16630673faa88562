"""What a study has, by name: its datasets, the runs of every experiment, its searches and spaces.

The workflow takes it from the configuration; `results/published` keeps that of all studies that
were published. Both choose the runs of a table from it (`mtnas.report.selection`).
Nothing here imports torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mtnas.config.checks import space_of
from mtnas.config.study import BUDGET_METHOD, Study
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.study import search_spaces
from mtnas.study.paths import ROUTES, RUN, Run, of_runs
from mtnas.study.runs import experiment_searches, search_home
from mtnas.study.search_spaces import Judged


@dataclass(frozen=True)
class Facts:
    """What is asked of a dataset: its tasks, the space that MTNAS searches on it, and, of a
    synthetic one, what it is drawn from.
    """

    num_tasks: int
    space: dict[str, Any] | None = None
    drawn: dict[str, Any] | None = None

    @property
    def rho(self) -> float | None:
        """Return the relatedness of the tasks of a synthetic dataset."""
        return None if self.drawn is None else float(self.drawn["rho"])


@dataclass(frozen=True)
class Inventory:
    """Datasets, experiments and spaces in reading order.

    `homes` names, for each run under routes that were learned, the variant that searched them.
    """

    datasets: dict[str, Facts] = field(default_factory=dict)
    experiments: dict[str, list[Run]] = field(default_factory=dict)
    homes: dict[Run, str] = field(default_factory=dict)
    judged: dict[str, dict[str, list[Judged]]] = field(default_factory=dict)  # space -> dataset

    @property
    def runs(self) -> list[Run]:
        """Return the runs of all experiments, each once."""
        return list(dict.fromkeys(run for runs in self.experiments.values() for run in runs))

    def searches_of(self, runs: Iterable[Run]) -> list[Run]:
        """Return the searches that learned the routes of some runs, each once."""
        found = [(d, m, self.homes[d, m, v]) for d, m, v in runs if (d, m, v) in self.homes]
        return list(dict.fromkeys(found))

    def judged_by(self, space: str) -> list[dict[str, str]]:
        """Say for each dataset and variant of a small space where its routes or its run is."""
        if space not in self.judged:
            raise ConfigError(unknown("space", space, self.judged, "config: exhaustive"))
        found = []
        for dataset, entries in self.judged[space].items():
            for entry in entries:
                pattern = RUN if entry.by_run else f"{ROUTES}/routes.json"
                (path,) = of_runs(pattern, [(dataset, BUDGET_METHOD, entry.home)])
                found.append({"dataset": dataset, "variant": entry.variant, "path": path})
        return found

    def judged_runs(self, *, by_run: bool) -> list[Run]:
        """Return what judges the searches of all spaces: their own runs, or their routes."""
        found = [
            (dataset, BUDGET_METHOD, entry.home)
            for of_space in self.judged.values()
            for dataset, entries in of_space.items()
            for entry in entries
            if entry.by_run == by_run
        ]
        return list(dict.fromkeys(found))

    def to_json(self) -> dict[str, Any]:
        """Return plain data, runs as `dataset/method/variant`."""
        return {
            "datasets": {name: asdict(facts) for name, facts in self.datasets.items()},
            "experiments": {
                name: ["/".join(run) for run in runs] for name, runs in self.experiments.items()
            },
            "homes": {"/".join(run): home for run, home in self.homes.items()},
            "judged": {
                space: {name: [asdict(entry) for entry in found] for name, found in of.items()}
                for space, of in self.judged.items()
            },
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Inventory":
        """Return what `to_json` wrote."""
        return cls(
            {name: Facts(**facts) for name, facts in content["datasets"].items()},
            {name: list(map(named, runs)) for name, runs in content["experiments"].items()},
            {named(run): home for run, home in content["homes"].items()},
            {
                space: {name: [Judged(**entry) for entry in found] for name, found in of.items()}
                for space, of in content["judged"].items()
            },
        )


def named(key: str) -> Run:
    """Return the run that is written as `dataset/method/variant`."""
    dataset, method, variant = key.split("/")
    return dataset, method, variant


def inventory_of(study: Study) -> Inventory:
    """Return what a study has."""
    experiments = {name: study.runs(name) for name in study.experiments}
    return Inventory(
        {name: _facts(study, name) for name in study.datasets},
        experiments,
        _homes(study, experiments),
        {
            space: {name: search_spaces.judged(study, name, space) for name in study.datasets}
            for space in study.exhaustive
        },
    )


def _homes(study: Study, experiments: Mapping[str, list[Run]]) -> dict[Run, str]:
    """Name the variant that searched the routes of each run, where they were learned."""
    learned = {search for name in experiments for search in experiment_searches(study, name)}
    runs = dict.fromkeys(run for runs in experiments.values() for run in runs)
    homes = {run: search_home(study, *run) for run in runs if study.method(run[1]).searches}
    return {(d, m, v): home for (d, m, v), home in homes.items() if (d, m, home) in learned}


def _facts(study: Study, dataset: str) -> Facts:
    drawn = study.synthetic.get(dataset)
    space = space_of(study, dataset)
    return Facts(
        space.num_tasks, space.to_json(), None if drawn is None else drawn.model_dump(mode="json")
    )
