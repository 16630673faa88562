"""What a run left, read back: its record, the prepared table, the weights and routes of a seed.

Shapes: M models of a run, T tasks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mtnas import methods
from mtnas.config.options import SearchedOptions
from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.records import Run, read_run
from mtnas.evidence.search_record import SearchRecord
from mtnas.methods import Method
from mtnas.routes.route import Route
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.runtime.files import broken, remake
from mtnas.tasks.metrics import ALL_TASKS, MTL_LOSS

_HEAD = "heads.weight"  # every model has it


@dataclass(frozen=True)
class Weights:
    """The weights of one model: the tasks that it was built for, those that it answers."""

    tasks: tuple[int, ...]
    answers: tuple[int, ...]
    tensors: Mapping[str, Tensor]  # without the axis of models


@dataclass(frozen=True)
class Trained:
    """A run, the table that it is of, and what its models are built of."""

    run: Run
    manifest: Manifest
    method: Method
    data: Path  # folder of the prepared table

    @property
    def table(self) -> Path:
        """Return where the prepared table is."""
        return self.data / "table.parquet"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the seeds of the run."""
        return self.run.record.spec.seeds

    @property
    def best_seed(self) -> int:
        """Return the seed with the least MTL loss on its validation rows."""
        lines = self.run.metrics
        chosen = (lines["split"] == "valid") & (lines["task"] == ALL_TASKS)
        valid = lines[chosen & (lines["metric"] == MTL_LOSS)].set_index("seed")["value"]
        return min(self.seeds, key=lambda seed: float(valid.loc[seed]))

    def weights(self, seed: int) -> list[Weights]:
        """Return the models of a seed: one of all tasks, one per task, or one selected per task."""
        file = self.run.folder / "model.safetensors"
        self.run.record.check(file)
        try:
            tensors = load_file(file)
        except (SafetensorError, OSError) as error:
            raise broken(file, f"cannot be read ({error})") from None
        return list(self._models(tensors, self.seeds.index(seed)))

    def _models(self, tensors: Mapping[str, Tensor], place: int) -> Iterator[Weights]:
        names = [task.name for task in self.manifest.tasks]
        everything = tuple(range(len(names)))
        per_task, is_joined = self.method.per_task, _HEAD in tensors
        if is_joined and not per_task:
            yield Weights(everything, everything, _at(tensors, place))
            return
        for task, name in enumerate(names):
            own = tensors if is_joined else _of_task(tensors, name)
            at = place * len(names) + task if is_joined else place
            yield Weights((task,) if per_task else everything, (task,), _at(own, at))

    def routes(self, seed: int) -> list[Route | None]:
        """Return the routes that a seed may have been trained on; [None] without a search.

        Which variant's search a run takes is said by its configuration alone, so there may be
        several; only one of them gives the predictions of the run (`folder.export`).

        Raises:
            RecordError: no search of this space is there.
        """
        record = self.run.record
        if not self.method.searches:
            return [None]
        options = self.method.options.of(record.options, f"methods.{self.method.name}")
        assert isinstance(options, SearchedOptions)
        space = options.space(len(self.manifest.tasks)).to_json()
        found = [SearchRecord.read(path) for path in self._searches()]
        fitting = [r.routes[seed] for r in found if r.space == space and seed in r.routes]
        if not fitting:
            dataset, method, variant = record.key
            first = f"results/routes/{dataset}/{method}/{variant}/routes.json"
            raise RecordError(f"{first}: no search of the space of this run; run `{remake(first)}`")
        return list(dict.fromkeys(fitting))

    def _searches(self) -> list[Path]:
        """List the searches for this method on this dataset, that of the run's variant first."""
        dataset, method, variant = self.run.record.key
        folder = self.data.parents[1] / "routes" / dataset / method
        found = sorted(folder.glob("*/routes.json"))
        return sorted(found, key=lambda path: path.parent.name != variant)


def read_trained(folder: str | Path) -> Trained:
    """Read the folder of a run, and the table that it was trained on.

    Raises:
        ConfigError: it is no folder of a run, or of a control, which has no model.
        RecordError: a file is broken, or the table is not the one that the run read.
    """
    folder = Path(folder)
    if not (folder / "run.json").is_file():
        raise ConfigError(
            f"{folder}: no run.json; name the folder of a run that has been trained, such as "
            "results/runs/DATASET/METHOD/VARIANT"
        )
    run = read_run(folder)
    dataset, method, _ = run.key
    loaded = methods.load(method)
    if loaded.sharing is None:
        raise ConfigError(f"{folder}: {method} is a control, which trains no model to export")
    data = folder.resolve().parents[3] / "data" / dataset
    manifest = Manifest.read(data / "manifest.json")
    if manifest.content_sha256 != run.record.data.content_sha256:
        raise RecordError(
            f"{data}: the table was prepared anew since this run; run `{remake(folder)}/run.json`"
        )
    return Trained(run, manifest, loaded, data)


def _at(tensors: Mapping[str, Tensor], place: int) -> dict[str, Tensor]:
    return {name: tensor[place].clone() for name, tensor in tensors.items()}


def _of_task(tensors: Mapping[str, Tensor], task: str) -> dict[str, Tensor]:
    start = f"{task}."
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
