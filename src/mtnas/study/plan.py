"""The plan of a study: names of its datasets, of the runs of every experiment, of its searches.

The workflow makes it from the configuration; `results/published` keeps one of all studies that
were published. Tables and figures choose their runs from a plan (`mtnas.report.exhibits`).
Nothing here imports torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from mtnas.config.entries import DIAGNOSIS, PAPER, Block
from mtnas.config.options import BUDGET_METHOD as MTNAS
from mtnas.config.options import CONTROLS, RunKey, SearchedOptions, SubsetKey
from mtnas.config.space_checks import space_of
from mtnas.config.study import Study
from mtnas.data.synthetic import SyntheticOptions
from mtnas.routes.space import SpaceArguments
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.files import Json
from mtnas.study import search_spaces
from mtnas.study.grids import flat
from mtnas.study.paths import ROUTES, RUN, of_runs
from mtnas.study.runs import experiment_searches, search_home
from mtnas.study.search_spaces import Judged


@dataclass(frozen=True)
class Facts:
    """What a plan knows of a dataset: its tasks, the space that MTNAS searches on it, and, if it is
    synthetic, the options that it is drawn with.
    """

    num_tasks: int
    space: SpaceArguments | None = None
    drawn: SyntheticOptions | None = None

    @property
    def rho(self) -> float | None:
        """Return how related the tasks of a synthetic dataset are (cosine); None for other data."""
        return None if self.drawn is None else self.drawn.rho

    def to_json(self) -> Json:
        """Return plain data."""
        drawn = None if self.drawn is None else self.drawn.model_dump(mode="json")
        return {"num_tasks": self.num_tasks, "space": self.space, "drawn": drawn}

    @classmethod
    def from_json(cls, content: Json) -> "Facts":
        """Return what `to_json` wrote."""
        drawn = content.get("drawn")
        return cls(**{**content, "drawn": None if drawn is None else SyntheticOptions.of(drawn)})


@dataclass(frozen=True)
class Variant:
    """A variant of a method: its title, and the options that it changes, by their dotted names.

    Options of training are among them. `place` is its number among the variants of its method.
    """

    title: str
    changes: dict[str, object]
    place: int


MAIN = "main"  # the experiment of Tables 2 and 3 and of the figures beside them
CUT_MMOE = ("cut_mmoe", PAPER)


@dataclass(frozen=True)
class Plan:
    """Datasets, experiments and spaces in reading order.

    `subsets` holds, by name, the runs of which subsets of the tasks are trained, too;
    `simulated_studies` names the studies of planted tasks.
    `homes` holds, for each run whose routes were found by a search that learns, the variant under
    whose name that search is stored; `variants` describes each (method, variant) but the paper's.
    """

    datasets: dict[str, Facts] = field(default_factory=dict)
    experiments: dict[str, list[RunKey]] = field(default_factory=dict)
    homes: dict[RunKey, str] = field(default_factory=dict)
    judged: dict[str, dict[str, list[Judged]]] = field(default_factory=dict)  # space -> dataset
    variants: dict[tuple[str, str], Variant] = field(default_factory=dict)
    subsets: dict[str, list[RunKey]] = field(default_factory=dict)
    simulated_studies: tuple[str, ...] = ()
    restarted: tuple[RunKey, ...] = ()  # runs of which every split has several initialisations
    calibration: tuple[str, ...] = ()  # datasets; what test predictions are asked is not published
    grouped_auc: Mapping[str, str] = field(default_factory=dict)  # a field of each dataset

    @property
    def runs(self) -> list[RunKey]:
        """Return the runs of all experiments, each once."""
        return list(dict.fromkeys(run for runs in self.experiments.values() for run in runs))

    @property
    def main(self) -> list[RunKey]:
        """Return the runs of the main comparison."""
        return self.experiments.get(MAIN, [])

    def compared_on(self, dataset: str) -> list[RunKey]:
        """Return the runs of the main comparison on a dataset, or all on it if there are none."""
        main = [run for run in self.main if run[0] == dataset]
        return main or [run for run in self.runs if run[0] == dataset]

    @property
    def synthetic(self) -> list[str]:
        """Name the synthetic datasets."""
        return [name for name, facts in self.datasets.items() if facts.rho is not None]

    @property
    def principal(self) -> list[str]:
        """Name the datasets of the main tables: all that are not synthetic or, without any, all."""
        measured = [name for name, facts in self.datasets.items() if facts.rho is None]
        return measured or list(self.datasets)

    @property
    def main_searches(self) -> list[RunKey]:
        """Return the searches of the main comparison, without controls that learn nothing."""
        datasets = self.principal
        return self.searches_of(run for run in self.main if run[0] in datasets)

    @property
    def shown(self) -> str | None:
        """Name the dataset that Figures 1 and 2 show: one with a run of the cut MMoE, if any."""
        synthetic = self.synthetic
        cut = [d for d, *row in self.runs if tuple(row) == CUT_MMOE and d not in synthetic]
        return next(iter([*cut, *self.datasets]), None)

    @property
    def controls(self) -> list[tuple[str, str]]:
        """Return the variants of MTNAS in the main comparison that search nothing."""
        return [
            (MTNAS, name)
            for name in self.variants_that_change("search.strategy")
            if self.variants[MTNAS, name].changes["search.strategy"] in CONTROLS
            and any(run[1:] == (MTNAS, name) for run in self.main)
        ]

    def variants_that_change(self, option: str) -> list[str]:
        """Name the variants of MTNAS that differ from the paper's in one option alone."""
        named = ((key, variant) for key, variant in self.variants.items() if key[0] == MTNAS)
        return [name for (_, name), variant in named if list(variant.changes) == [option]]

    def searches_of(self, runs: Iterable[RunKey]) -> list[RunKey]:
        """Return the searches that the routes of some runs come from, each once."""
        found = [(d, m, self.homes[d, m, v]) for d, m, v in runs if (d, m, v) in self.homes]
        return list(dict.fromkeys(found))

    def subset_runs(self, *options: str) -> list[SubsetKey]:
        """Return the runs of subsets of tasks as the paper has them, or with a variant that changes
        some of these options and no other; an option stands for those below it, too.
        """
        return [
            key
            for key in self.all_subset_runs
            if all(_is_below(changed, options) for changed in self.changes(key[1:]))
        ]

    @property
    def all_subset_runs(self) -> list[SubsetKey]:
        """Return all runs of subsets of tasks."""
        return [(name, *run) for name, runs in self.subsets.items() for run in runs]

    @property
    def diagnosed(self) -> list[str]:
        """Name the datasets with a diagnosis of which tasks should share."""
        return list(dict.fromkeys(run[0] for run in self.subsets.get(DIAGNOSIS, [])))

    def changes(self, run: RunKey) -> dict[str, object]:
        """Return the options that the variant of a run changes, by their dotted names."""
        known = self.variants.get(run[1:])
        return {} if known is None else known.changes

    def judged_by(self, space: str) -> list[dict[str, str]]:
        """Return, for each dataset and variant of a small space, where its routes or run are."""
        if space not in self.judged:
            raise ConfigError(unknown("space", space, self.judged, "config: exhaustive"))
        found = []
        for dataset, entries in self.judged[space].items():
            for entry in entries:
                pattern = RUN if entry.by_run else f"{ROUTES}/routes.json"
                (path,) = of_runs(pattern, [(dataset, MTNAS, entry.home)])
                found.append({"dataset": dataset, "variant": entry.variant, "path": path})
        return found

    def judged_runs(self, *, by_run: bool) -> list[RunKey]:
        """Return the runs by which searches in small spaces are judged, or else the searches."""
        found = [
            (dataset, MTNAS, entry.home)
            for of_space in self.judged.values()
            for dataset, entries in of_space.items()
            for entry in entries
            if entry.by_run == by_run
        ]
        return list(dict.fromkeys(found))

    def to_json(self) -> Json:
        """Return plain data, runs as `dataset/method/variant`."""
        subsets = {name: ["/".join(run) for run in runs] for name, runs in self.subsets.items()}
        simulated = list(self.simulated_studies)
        return {
            "datasets": {name: facts.to_json() for name, facts in self.datasets.items()},
            "experiments": {
                name: ["/".join(run) for run in runs] for name, runs in self.experiments.items()
            },
            "homes": {"/".join(run): home for run, home in self.homes.items()},
            "judged": {
                space: {name: [asdict(entry) for entry in found] for name, found in of.items()}
                for space, of in self.judged.items()
            },
            "variants": {"/".join(key): asdict(found) for key, found in self.variants.items()},
            **({"subsets": subsets} if subsets else {}),
            **({"simulated_studies": simulated} if simulated else {}),
            **({"restarted": ["/".join(run) for run in self.restarted]} if self.restarted else {}),
        }

    @classmethod
    def from_json(cls, content: Json) -> "Plan":
        """Return what `to_json` wrote."""
        return cls(
            {name: Facts.from_json(facts) for name, facts in content["datasets"].items()},
            {name: list(map(named, runs)) for name, runs in content["experiments"].items()},
            {named(run): home for run, home in content["homes"].items()},
            {
                space: {name: [Judged(**entry) for entry in found] for name, found in of.items()}
                for space, of in content["judged"].items()
            },
            {_row(key): Variant(**found) for key, found in content["variants"].items()},
            {name: list(map(named, runs)) for name, runs in content.get("subsets", {}).items()},
            tuple(content.get("simulated_studies", ())),
            tuple(map(named, content.get("restarted", ()))),
        )


def named(key: str) -> RunKey:
    """Return the run that is written as `dataset/method/variant`."""
    dataset, method, variant = key.split("/")
    return dataset, method, variant


def _row(key: str) -> tuple[str, str]:
    """Return what is written as `method/variant`."""
    method, variant = key.split("/")
    return method, variant


def plan_of(study: Study) -> Plan:
    """Return the plan of a study."""
    experiments = {name: study.runs(name) for name in study.experiments}
    return Plan(
        {name: _facts(study, name) for name in study.datasets},
        experiments,
        _homes(study, experiments),
        {
            space: {name: search_spaces.judged(study, name, space) for name in study.datasets}
            for space in study.exhaustive
        },
        {
            (method, name): _variant(name, said, place)
            for method, variants in study.variants.items()
            for place, (name, said) in enumerate(variants.items(), 1)
        },
        {name: study.subset_runs(name) for name in study.subsets},
        study.simulated_studies.studies,
        tuple(run for run in study.all_runs if _restarts(study, run)),
        study.calibration,
        study.grouped_auc,
    )


def _is_below(changed: str, options: Iterable[str]) -> bool:
    return any(changed == option or changed.startswith(f"{option}.") for option in options)


def _variant(name: str, said: Block, place: int) -> Variant:
    changes = {key: value for key, value in said.items() if key != "title"}
    return Variant(said.get("title", name), flat(changes, ""), place)


def _homes(study: Study, experiments: Mapping[str, list[RunKey]]) -> dict[RunKey, str]:
    """Name, for each run whose routes a search learned, the variant that this search belongs to."""
    learned = {search for name in experiments for search in experiment_searches(study, name)}
    runs = dict.fromkeys(run for runs in experiments.values() for run in runs)
    homes = {run: search_home(study, *run) for run in runs if _has_searched_route(study, run)}
    return {(d, m, v): home for (d, m, v), home in homes.items() if (d, m, home) in learned}


def _has_searched_route(study: Study, run: RunKey) -> bool:
    options = study.options(*run)
    return isinstance(options, SearchedOptions) and options.route == "searched"


def _restarts(study: Study, run: RunKey) -> bool:
    return not study.method(run[1]).is_control and study.training_of(*run).restarts > 1


def _facts(study: Study, dataset: str) -> Facts:
    space = space_of(study, dataset)
    return Facts(space.num_tasks, space.to_json(), study.synthetic.get(dataset))
