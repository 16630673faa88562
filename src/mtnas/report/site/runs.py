"""The runs: what each took, and where it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from mtnas.config.options import RunKey
from mtnas.evidence.records import Run, Timings
from mtnas.report.names import Names, dataset_name
from mtnas.report.render.html import render
from mtnas.report.render.layout import number
from mtnas.report.site.anchors import anchor
from mtnas.report.site.grids import Grid, plain
from mtnas.report.site.scales import Scale

HEADS = ("Method", "Data set", "Seeds", "Dense parameters", "Embedding parameters", "Time")
MORE = ("Device", "Code", "Folder")
WORDS = ("Data set", "Folder")
LABELS, WIDTH, LINE = 180.0, 640.0, 22.0


def run_id(run: Run) -> str:
    """Return the id of the row of a run."""
    return anchor("run", *run.key)


def table(runs: Sequence[Run], names: Names) -> Grid:
    """Return one line per run: seeds, parameters, time, code, folder."""
    grid = plain("All runs", (*HEADS, *MORE), [_line(run, names) for run in runs], WORDS)
    rows = [
        replace(row, id=run_id(run), dataset=row.cells[1].text)
        for row, run in zip(grid.rows, runs, strict=True)
    ]
    return replace(grid, rows=tuple(rows), quiet=True)


def _line(run: Run, names: Names) -> tuple[str, ...]:
    dataset, method, variant = run.key
    record = run.record
    counts = record.parameters
    sizes = (counts.dense, counts.embedding) if counts else (None, None)
    return (
        names.run(method, variant),
        dataset_name(dataset, record.simulated),
        str(run.metrics["seed"].nunique()),
        *(number(size, "count") for size in sizes),
        timing(record.timings),
        record.timings.device,
        (record.code or "")[:12],
        run.folder.as_posix(),
    )


def timing(timings: Timings) -> str:
    """Return such as `14.0 s (training 12.3 s)`."""
    return f"{timings.total_seconds:.1f} s (training {timings.train_seconds:.1f} s)"


@dataclass(frozen=True)
class Cost:
    """Seconds per seed of a run, and of the search before it, if there was one."""

    name: str
    href: str
    training: float
    search: float = 0.0


@dataclass(frozen=True)
class Costs:
    """What the runs of a dataset took."""

    title: str
    rows: Sequence[Cost]

    @property
    def scale(self) -> Scale:
        """Return the scale of the seconds, from zero."""
        most = max(row.training + row.search for row in self.rows) or 1.0
        return Scale(0.0, most, LABELS, WIDTH - 70)

    def html(self) -> Markup:
        """Return the bars."""
        return render("costs.html.j2", costs=self, width=WIDTH, labels=LABELS, line=LINE)


def costs(
    runs: Sequence[Run], searches: Mapping[RunKey, float], homes: Mapping[RunKey, str], names: Names
) -> list[Costs]:
    """Return the costs of runs, by dataset; `searches` holds what searches took, per seed.

    `homes` names the variant under which the search of a run is stored, if it is not its own.
    """
    found: dict[str, list[Cost]] = {}
    for run in runs:
        dataset, method, variant = run.key
        own = run.record.timings.train_seconds / max(1, run.metrics["seed"].nunique())
        search = searches.get((dataset, method, homes.get(run.key, variant)), 0.0)
        cost = Cost(names.run(method, variant), f"#{run_id(run)}", own, search)
        found.setdefault(dataset_name(dataset, run.record.simulated), []).append(cost)
    return [Costs(title, rows) for title, rows in found.items()]
