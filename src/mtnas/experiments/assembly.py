"""From a spec to what it names: the prepared table, the split of every seed, the models to train.

All experiments begin here. Shapes: M members, T tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from mtnas import methods
from mtnas.config.options import MethodOptions, SearchedOptions, TrainingOptions
from mtnas.config.training import Alignment
from mtnas.data.prepare.groups import rows_by_source
from mtnas.data.prepare.store import Table, read_compact
from mtnas.evidence.records import DataFacts, Parameters
from mtnas.evidence.resampling import Resampling, folds_of, resampling_of, share_drawn_anew
from mtnas.experiments.label_check import check_labels
from mtnas.experiments.scoring import check_names
from mtnas.experiments.split_cache import SplitCache
from mtnas.experiments.splits import LEAKS, split_of, with_share
from mtnas.experiments.widths import encoder_of, head_widths, solved
from mtnas.methods import Method
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model, outline
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime import provenance
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import Json, sha256_of
from mtnas.study.specs import ModelSpec
from mtnas.tasks.kinds import TASK_KINDS
from mtnas.training.data import Examples, Split
from mtnas.training.ensemble import Ensemble, LabelScale, Member
from mtnas.training.initial import begin_as_given, check_initial

MOST_MODELS = 64
CPU_BYTES = 4 * 2**30
CPU_PARAMETERS = 200_000  # dense parameters that fill a core's cache with their activations
ALONE_PARAMETERS = 30_000  # from which on a network of routes is faster alone, copying less


@dataclass(frozen=True)
class Assembly:
    """What a spec names, loaded; the width of the method is solved for its parameter budget."""

    spec: ModelSpec
    table: Table
    examples: Examples
    method: Method
    options: MethodOptions
    training: TrainingOptions
    device: str = "cpu"
    _splits: SplitCache = field(default_factory=SplitCache, init=False, repr=False, compare=False)

    @property
    def num_tasks(self) -> int:
        """The number of tasks of the dataset, T."""
        return len(self.examples.tasks)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The names of the tasks of the dataset, in its order."""
        return tuple(task.name for task in self.examples.tasks)

    def encoder(self, num_tasks: int) -> Encoder:
        """Return the encoder of a model of T tasks."""
        return encoder_of(self.examples, self.training, self.options, num_tasks)

    @property
    def space(self) -> SearchSpace:
        """Return the search space; `ConfigError` if the method has none."""
        if not isinstance(self.options, SearchedOptions):
            raise ConfigError(f"method {self.method.name!r} has no sharing route to search")
        return self.options.space(self.num_tasks)

    @property
    def data(self) -> DataFacts:
        """Return what a record says of the table."""
        return DataFacts.of(self.table.manifest)

    def resampling(self, part: str) -> Resampling:
        """Return how the seeds come to the rows of a part, `valid` or `test`."""
        facts = self.table.manifest
        return resampling_of(
            share_drawn_anew(facts, part),
            drawn=facts.drawn_seeds is not None,
            fixed=self.spec.fixed_split,
            where=self.spec.dataset,
            folds=folds_of(facts),
        )

    def identity(self, code: str | None, **inputs: str | Path | None) -> Json:
        """Return all that the result of a job depends on; `inputs` are files that it reads, too."""
        versions = provenance.environment()
        return {
            "spec": self.spec.model_dump(mode="json"),
            "data": self.table.manifest.content_sha256,
            "inputs": {name: path and sha256_of(path) for name, path in inputs.items()},
            "code": code,
            "device": self.device,
            "versions": {name: versions[name] for name in ("numpy", "torch")},
        }

    def split(self, seed: int) -> Split:
        """Return the split of one seed, with the training rows that the options choose."""
        return self._splits.of(self.spec.split_seed(seed), self._drawn)

    def _drawn(self, seed: int) -> Split:
        split = split_of(self.table, seed, fixed=self.spec.fixed_split)
        split = LEAKS[self.training.leaks](split, self.table, seed)
        return with_share(split, self.table, seed, self.training.train_share)

    def left_out(self, part: Literal["left_out", "valid_left_out"]) -> dict[int, dict[str, int]]:
        """Return how many rows of each source `training.leaks` leaves out of a part, by seed."""
        if self.training.leaks == "keep":
            return {}
        source, names = self.table.source, self.table.manifest.sources
        rows = {seed: getattr(self.split(seed), part) for seed in self.spec.seeds}
        return {seed: rows_by_source(own, source, names) for seed, own in rows.items()}

    def members(
        self,
        seeds: Sequence[int],
        routes: Mapping[int, Route],
        subsets: Sequence[tuple[int, ...]] = (),
    ) -> list[Member]:
        """Return the models of some seeds: one per seed, or one per seed and task.

        With `subsets` of the tasks it is one per seed and subset.
        """
        tasks = range(self.num_tasks)
        subsets = subsets or ([(t,) for t in tasks] if self.method.per_task else [tuple(tasks)])
        scales = {seed: self.scales(seed) for seed in seeds}
        return [
            Member(s, subset, routes.get(s), scales=tuple(scales[s][t] for t in subset))
            for s in seeds
            for subset in subsets
        ]

    def scales(self, seed: int) -> tuple[LabelScale, ...]:
        """Return, for every task, the mean and the spread of which its outputs are multiples.

        For a regression they are those of its labels in the training rows, else 0 and 1.
        """
        kinds = [TASK_KINDS[task.kind] for task in self.examples.tasks]
        if not any(kind.standardized for kind in kinds):
            return (LabelScale(),) * len(kinds)
        labels = self.table.labels[self.split(seed).train].astype(np.float64)
        return tuple(
            LabelScale(float(np.nanmean(column)), float(np.nanstd(column)))
            if kind.standardized
            else LabelScale()
            for kind, column in zip(kinds, labels.T, strict=True)
        )

    def splits(self, members: Sequence[Member]) -> list[Split]:
        """Return the split of every model: its training rows are labelled (`with_labels_of`)."""
        known = {seed: self.split(seed) for seed in dict.fromkeys(m.seed for m in members)}
        return [self.with_labels_of(member.tasks, known[member.seed]) for member in members]

    def with_labels_of(self, tasks: Sequence[int], split: Split) -> Split:
        """Leave out the training rows of a split that have no label of any of some tasks.

        Of all tasks there is none: a row without any label is not in a prepared table.
        """
        if self.examples.complete or len(tasks) == self.num_tasks:
            return split
        labelled_N = np.isnan(self.table.labels[:, list(tasks)]).sum(axis=1) < len(tasks)
        return replace(
            split,
            train=split.train[labelled_N[split.train]],
            left_out=split.left_out[labelled_N[split.left_out]],
        )

    def check_labels(self) -> None:
        """Raise `DataError` if a part lacks labels that it needs, for any seed of the spec, or if
        names of tasks and classes clash.
        """
        check_names(self.spec.dataset, self.examples.tasks)
        facts, moves = self.table.manifest, not self.spec.fixed_split
        random = moves and facts.split_kind == "random" and facts.drawn_seeds is None
        random = random and not facts.fixed_sources
        random = random and self.training.leaks == "keep" and self.training.train_share == 1
        share = min(facts.split_sizes.values()) / facts.rows if random else None
        seeds = tuple(dict.fromkeys(map(self.spec.split_seed, self.spec.seeds)))
        seeds = seeds if moves and facts.split_kind == "random" else seeds[:1]
        check_labels(
            self.spec.dataset,
            self.examples.tasks,
            self.table.labels,
            seeds,
            self.split,
            smallest_share=share,
        )

    def ensemble(self, members: Sequence[Member], alignment: Alignment | None = None) -> Ensemble:
        """Return models with initial weights by their seeds; perhaps with another `alignment`."""

        def build(member: Member) -> Model:
            tasks = len(member.tasks)
            return Model(
                self.method,
                self.options,
                encoder=self.encoder(tasks),
                num_tasks=tasks,
                widths=self.examples.output_layout.of(member.tasks).widths,
                route=member.route,
                alignment=alignment or self.training.alignment,
            )

        made = Ensemble(
            members,
            build,
            num_rows=self.examples.num_rows,
            options=self.training,
            device=self.device,
        )
        if self.table.initial is not None:
            begin_as_given(made.table_MNE, self.table.initial)
        return made

    def seeds_at_once(self) -> int:
        """Return how many seeds to train together where a job does not say (`Job.at_once`).

        On a CPU narrow models gain from company (docs/performance.md); on a GPU all do, until it is
        full. Each has a table, its moments, its best copy and, in two phases, that of the first.
        """
        counts = self.parameters({})
        models, dense = counts.models_per_seed, counts.dense
        copies = 5 if self.training.in_two_phases else 4
        copies += self.device != "cpu"  # the gradient of a whole table
        bytes_each = 4 * copies * (counts.embedding + dense)
        if self.device == "cpu":
            alone = self.method.searches and dense > ALONE_PARAMETERS
            fitting, useful = CPU_BYTES // bytes_each, 1 if alone else CPU_PARAMETERS // dense
        else:
            free, _ = torch.cuda.mem_get_info()
            fitting, useful = free // 2 // bytes_each, MOST_MODELS
        return int(max(1, min(fitting, useful, MOST_MODELS) // models))

    def outlined(self, widths: Sequence[int]) -> Model:
        """Return a model of tasks with so many outputs each, without values: to count them."""
        return outline(
            self.method,
            self.options,
            encoder=self.encoder(len(widths)),
            num_tasks=len(widths),
            widths=widths,
            alignment=self.training.alignment,
        )

    def parameters(self, routes: Mapping[int, Route]) -> Parameters:
        """Count the parameters of one model (of several, the largest), and of what routes use."""
        widths = head_widths(self.method, self.examples)
        model, table = self.outlined(widths), self.examples.num_rows * self.training.embedding_dim
        return Parameters(
            dense=model.num_parameters(),
            embedding=self.examples.num_rows * model.encoder.row_dim,
            models_per_seed=self.num_tasks if self.method.per_task else 1,
            hidden_dim=getattr(self.options, "hidden_dim", None),
            dense_used={seed: model.num_parameters(route) for seed, route in routes.items()},
            embedding_used={s: table * len(r.tables) for s, r in routes.items() if r.tables},
        )


def assemble(
    spec: ModelSpec,
    *,
    table: str | Path,
    manifest: str | Path,
    device: str = "cpu",
    match: Sequence[Route] = (),
) -> Assembly:
    """Load the data of a spec and solve the method's width for its parameter budget.

    That is the size of MTNAS or, if there are routes to `match`, what those use on average.

    Raises:
        DataError: there is too little of a label to train and measure one of the seeds.
    """
    data = read_compact(table, manifest)
    method = methods.load(spec.method)
    training = spec.trained
    if method.sharing is not None:
        training.check_method(method.name, searches=method.searches, per_task=method.per_task)
    training.check_groups(data.groups is not None)
    training.check_sources(data.manifest.sources)
    if spec.training is not None:
        check_initial(data.initial, training, spec.dataset)
    options = method.options.of(spec.options, f"methods.{method.name}")
    examples = Examples.of(data)
    training.check_tables(method.name, options.num_tables(len(examples.tasks)))
    options = solved(spec, method, options, examples, match)
    assembly = Assembly(spec, data, examples.to(device), method, options, training, device)
    assembly.check_labels()
    return assembly
