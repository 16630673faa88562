"""Which tasks should share: the recommendation, and what each task gains from each other one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnas.evidence.diagnosis.report import Diagnosis, Pair
from mtnas.report.names import dataset_name, task_name
from mtnas.report.render.html import render
from mtnas.report.site.anchors import anchor
from mtnas.report.site.scales import short, side_of
from mtnas.tasks.metrics import metric_of

KINDS = {"better": "helps", "worse": "harms", "unsure": ""}


@dataclass(frozen=True)
class Gain:
    """What a task gains from one other, as it is shown."""

    text: str
    between: str
    kind: str


@dataclass(frozen=True)
class Shown:
    """A diagnosis on the page."""

    found: Diagnosis

    @property
    def id(self) -> str:
        """Return its id on the page."""
        return anchor("diagnosis", self.found.dataset)

    @property
    def title(self) -> str:
        """Return the title of the dataset."""
        return dataset_name(self.found.dataset, self.found.simulated)

    @property
    def metric(self) -> str:
        """Return by what gains are measured."""
        return metric_of(self.found.metric).title

    @property
    def groups(self) -> list[str]:
        """Return the recommended groups of tasks."""
        return [" + ".join(map(task_name, group)) for group in self.found.grouping.recommended]

    @property
    def names(self) -> list[str]:
        """Return the names of the tasks."""
        return [task_name(task) for task in self.found.tasks]

    @property
    def matrix(self) -> list[tuple[str, list[Gain | None]]]:
        """Return a row per task: its gains with each task, in order; None with itself."""
        pairs = {(pair.first, pair.second): pair for pair in self.found.pairs}
        return [
            (task_name(task), [_gain(pairs.get((other, task))) for other in self.found.tasks])
            for task in self.found.tasks
        ]

    def html(self) -> Markup:
        """Return the recommendation and the matrix."""
        return render("diagnosis.html.j2", shown=self)


def _gain(pair: Pair | None) -> Gain | None:
    if pair is None:
        return None
    between = ""
    if pair.low is not None and pair.high is not None:
        between = f"{_signed(pair.low)} to {_signed(pair.high)}"
    return Gain(_signed(pair.mean), between, KINDS[side_of(pair.low, pair.high)])


def _signed(value: float) -> str:
    """Format a gain with four decimals, or four digits where it is large."""
    return f"+{short(value)}" if value >= 100 else f"{value:+.4f}".replace("-", "−")


def read_shown(paths: Sequence[str | Path]) -> list[Shown]:
    """Read diagnoses; `RecordError` if one is missing or was changed after it was written."""
    return [Shown(Diagnosis.read(path)) for path in paths]
