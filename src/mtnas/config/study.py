"""The whole configuration as one object: its keys, and which options a run gets from them.

`load.study_type` adds the names of all methods and datasets.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import Field, PrivateAttr, ValidationError

from mtnas.config.entries import (
    PAPER,
    Block,
    DatasetOptions,
    Diagnosis,
    Experiment,
    Name,
    Seeds,
    SimulatedStudies,
    TaskSubsets,
    Tuning,
)
from mtnas.config.layers import merged, option_layers, training_layers, tuning_layers
from mtnas.config.methods import KnownMethod, known_methods
from mtnas.config.options import MethodOptions, RunKey, TrainingOptions
from mtnas.config.origins import Origins
from mtnas.config.simulated import known_simulated_studies
from mtnas.data import sources
from mtnas.data.synthetic import TASKS, SyntheticOptions
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.options import Keys, Options, problem_of

if TYPE_CHECKING:
    from mtnas.data.sources.base import Dataset

Record = TypeVar("Record", bound=Options)


class Study(Options):
    """A validated configuration."""

    seeds: Seeds = Field(
        tuple(range(5)),
        description="repetitions of each run: a number n (seeds 0 .. n-1) or a list of seeds",
    )
    fixed_split: bool = Field(
        False, description="true: one split for all seeds (paper); false: every seed has its own"
    )
    datasets: tuple[str, ...] = Field(
        (), description="datasets, for every experiment that does not name its own"
    )
    dataset_options: dict[str, DatasetOptions] = Field(
        {}, description="for each dataset: how it is prepared, and other options for it"
    )
    synthetic: dict[Name, SyntheticOptions] = Field(
        {}, description="datasets that are drawn at random, by the name you give them"
    )
    training: Block = Field({}, description="how weights are trained")
    tuning: Block = Field({}, description="grid search of options, judged on validation data (V8)")
    methods: dict[str, Block] = Field(
        {}, description="for each method, the options that differ from its defaults"
    )
    variants: dict[str, dict[str, Block]] = Field(
        {},
        description="named deviations of a method: its options and, under `training`, how it is "
        "trained; `title` names it in tables; `paper` (no deviation) always exists",
    )
    experiments: dict[Name, Experiment] = Field({}, description="named sets of runs")
    exhaustive: dict[Name, tuple[str, ...]] = Field(
        {},
        description="small spaces, every route of which is trained: by name, the variants of "
        "mtnas whose searches are judged by it; the first one's network makes the space",
    )
    subsets: dict[Name, TaskSubsets] = Field(
        {},
        description="named sets of runs of subsets of the tasks: which tasks gain from each other",
    )
    diagnosis: Diagnosis = Field(
        default_factory=Diagnosis,
        description="datasets of which it is asked which tasks should share a model",
    )
    simulated_studies: SimulatedStudies = Field(
        default_factory=SimulatedStudies,
        description="studies of planted tasks, of which the truth is known",
    )
    calibration: tuple[str, ...] = Field(
        (),
        description="datasets whose runs are asked how often what they predict comes true (figure "
        "`calibration`)",
    )
    grouped_auc: dict[str, str] = Field(
        {},
        description="for each dataset a field, such as `{movielens: user}`: AUC is measured within "
        "the test rows of each of its values, too (table `grouped_auc`)",
    )
    _origins: Origins = PrivateAttr(default_factory=Origins)
    _sources: dict[str, "Dataset"] = PrivateAttr(default_factory=dict)
    _merged: dict[tuple[type[Options], tuple[Keys, ...]], Options] = PrivateAttr(
        default_factory=dict
    )

    def __hash__(self) -> int:
        """Make results cacheable: there is one `Study` per start of the workflow."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def known(self) -> Mapping[str, KnownMethod]:
        """Return every method there is."""
        return known_methods()

    def method(self, name: str) -> KnownMethod:
        """Return a method by its name."""
        if name not in self.known:
            raise ConfigError(unknown("method", name, self.known, "config"))
        return self.known[name]

    def variants_of(self, method: str) -> tuple[str, ...]:
        """Name the variants of a method, `paper` first."""
        return (PAPER, *self.variants.get(method, {}))

    def dataset(self, name: str) -> DatasetOptions:
        """Return the options of a dataset."""
        return self.dataset_options.get(name, DatasetOptions())

    def raw(self, dataset: str) -> str | None:
        """Return the folder of raw files that is named for a dataset; ~ is the home folder."""
        short: str | None = getattr(self, f"{dataset}_raw", None)
        named = short or self.dataset(dataset).raw
        return named and os.path.expanduser(named)  # noqa: PTH111 (Path wants to know the home)

    def is_simulated(self, dataset: str) -> bool:
        """Whether the workflow writes the raw files of a dataset itself."""
        return self.dataset(dataset).simulate is not None

    def num_tasks(self, dataset: str) -> int:
        """Return the number of tasks of a dataset."""
        return len(self.tasks_of(dataset))

    def tasks_of(self, dataset: str) -> tuple[str, ...]:
        """Name the tasks of a dataset, in their order."""
        if dataset in self.synthetic:
            return TASKS
        return tuple(task.name for task in self._source(dataset).tasks)

    def sources_of(self, dataset: str) -> tuple[str, ...]:
        """Name the sources of the rows of a dataset; none where all rows are alike."""
        return () if dataset in self.synthetic else self._source(dataset).source_names

    def has_groups(self, dataset: str) -> bool:
        """Whether rows of a dataset belong together."""
        return dataset not in self.synthetic and bool(self._source(dataset).group)

    def _source(self, dataset: str) -> "Dataset":
        """Return a dataset that is not drawn; it is asked for once per run, so it is kept."""
        if dataset not in self._sources:
            self._sources[dataset] = sources.load(dataset)
        return self._sources[dataset]

    def runs(self, experiment: str) -> list[RunKey]:
        """Return the runs of an experiment, in reading order."""
        if experiment not in self.experiments:
            raise ConfigError(
                unknown("experiment", experiment, self.experiments, "config: experiments")
            )
        return self._runs_of(self.experiments[experiment])

    def subset_runs(self, name: str) -> list[RunKey]:
        """Return the runs whose tasks an entry of `subsets` divides, in reading order."""
        if name not in self.subsets:
            raise ConfigError(unknown("set of subsets", name, self.subsets, "config: subsets"))
        return self._runs_of(self.subsets[name])

    def _runs_of(self, wanted: Experiment) -> list[RunKey]:
        return [
            (dataset, method, variant)
            for dataset in (self.datasets if wanted.datasets is None else wanted.datasets)
            for method in wanted.methods
            for variant in wanted.variants.get(method, [PAPER])
        ]

    @property
    def all_subset_runs(self) -> list[RunKey]:
        """Return the runs whose tasks are divided, each once."""
        return list(dict.fromkeys(run for name in self.subsets for run in self.subset_runs(name)))

    @property
    def all_runs(self) -> list[RunKey]:
        """Return the runs of all experiments, each once."""
        return list(dict.fromkeys(run for name in self.experiments for run in self.runs(name)))

    def options(self, dataset: str, method: str, variant: str = PAPER) -> MethodOptions:
        """Return the options of a method: defaults < `methods` < the dataset's < the variant's."""
        known = self.method(method)
        if variant not in self.variants_of(method):
            raise ConfigError(
                unknown(f"variant of {method}", variant, self.variants_of(method), "config")
            )
        return self._resolved(known.options, option_layers(dataset, method, variant))

    def training_of(self, dataset: str, method: str, variant: str = PAPER) -> TrainingOptions:
        """Return the training options: defaults < `training` < the dataset's < the variant's."""
        return self._resolved(TrainingOptions, training_layers(dataset, method, variant))

    def tuning_of(self, dataset: str) -> Tuning:
        """Return the grid search of a dataset: defaults < `tuning` < the dataset's."""
        return self._resolved(Tuning, tuning_layers(dataset))

    def simulated_study(self, name: str) -> Options:
        """Return the options of a simulated study: its defaults < `simulated_studies.options`."""
        wanted, known = self.simulated_studies.studies, known_simulated_studies()
        if name not in known:
            raise ConfigError(unknown("simulated study", name, known, "config"))
        if name not in wanted:
            where = self.place("simulated_studies", "studies")
            raise ConfigError(unknown("simulated study of this configuration", name, wanted, where))
        layer: Keys = ("simulated_studies", "options", name)
        return self._resolved(known[name], (layer,))

    def trial_seeds(self, tuning: Tuning) -> tuple[int, ...]:
        """Return the seeds that every trial of a grid search has."""
        seeds: int | tuple[int, ...] = tuning.seeds
        return self.seeds[:seeds] if isinstance(seeds, int) else seeds

    def said(self, keys: Keys) -> Block:
        """Return the mapping at a path of the configuration; an empty one if nothing is there."""
        value: Any = self
        for key in keys:
            value = value.get(key, {}) if isinstance(value, dict) else getattr(value, str(key))
        return dict(value)

    def place(self, *keys: int | str) -> str:
        """Return where a key was set (file or command line) and its dotted path, for a message."""
        return self._origins.place(keys)

    def place_of(self, run: RunKey, *option: str) -> str:
        """Return where the option of a run that counts was set, for a message."""
        return self.last_word(option_layers(*run), option)

    def place_of_training(self, run: RunKey, option: str) -> str:
        """Return where the training option of a run that counts was set, for a message."""
        return self.last_word(training_layers(*run), (option,))

    def last_word(self, layers: Sequence[Keys], option: Keys) -> str:
        """Return where the last of some mappings that sets an option does so, for a message."""
        first, *later = layers
        *block, name = option or ("",)
        named = (layer for layer in reversed(later) if self._says((*layer, *block), name))
        return self.place(*next(named, first), *option)

    def _says(self, block: Keys, name: int | str) -> bool:
        values = self.said(block)
        return name in values if name else bool(values)

    def _resolved(self, record: type[Record], layers: tuple[Keys, ...]) -> Record:
        """Merge the mappings at some paths, of which later ones win, and check the result.

        A large study asks for the same options many times, so they are kept.
        """
        if (record, layers) in self._merged:
            return cast(Record, self._merged[record, layers])
        values = merged(*map(self.said, layers))
        named = {key: value for key, value in values.items() if key in record.model_fields}
        try:
            result = self._merged[record, layers] = record.model_validate(named, strict=True)
            return result
        except ValidationError as error:
            problem = problem_of(record, error)
            where = self.last_word(layers, problem.keys)
            raise ConfigError(f"{where}: {problem.message}") from None
