"""Tables and figures of runs of subsets of tasks: which runs they take, what they share."""

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, Any

import pandas as pd

from mtnas.config.options import SubsetKey
from mtnas.evidence.transfer_studies.runs import LEAKS, SubsetRun
from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.names import dataset_name
from mtnas.report.notes import SIMULATED_NOTE
from mtnas.report.render.layout import Source
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPACITY = ("hidden_dim", "match_budget", "training.leaks")
PLACE = 90


def chosen(plan: Plan, changed: str, *also: str) -> tuple[SubsetKey, ...]:
    """Return the runs of the entries in which a variant changes an option, such as `hidden_dim`.

    What else an entry changes must be among some others, or it is about something else.
    """
    found = plan.subset_runs(changed, *also)
    allowed, every = ({key[:3]: 0 for key in plan.all_subset_runs} for _ in range(2))
    for keys, counts in ((found, allowed), (plan.all_subset_runs, every)):
        for key in keys:
            counts[key[:3]] += 1
    having = {key[:3] for key in found if _changes(plan, key, changed)}
    return tuple(key for key in found if key[:3] in having and allowed[key[:3]] == every[key[:3]])


def read_runs(needs: Needs) -> list[SubsetRun]:
    """Read all runs that an exhibit needs."""
    return list(map(SubsetRun.read, needs.subset_folders))


def title_of(needs: Needs, run: SubsetRun) -> str:
    """Return what readers call the dataset and the method of a run, and what of its leaks."""
    _, dataset, method, _ = run.key
    name = dataset_name(dataset, run.simulated)
    return f"{name}, {needs.names.run(method)}{LEAKS[run.leaks]}"


def source_of(run: SubsetRun, metric: str, task: str, seeds: int) -> Source:
    """Say where a cell is from."""
    _, dataset, method, variant = run.key
    code = run.scores.record.code or ""
    return Source(dataset, method, variant, metric, task, seeds, run.folder, code)


def notes(runs: Sequence[SubsetRun], *told: str) -> tuple[str, ...]:
    """Return notes, with one on simulated data if there are any."""
    return (*told, *[SIMULATED_NOTE] * any(run.simulated for run in runs))


def check_some(found: Sized, name: str) -> None:
    """Refuse to show nothing."""
    if not len(found):
        raise NothingToShowError(f"{name}: no two runs of subsets of tasks can be compared")


def panel_rows(
    count: int, height: float, columns: int = 2, top: float = 0.25
) -> tuple["Figure", list["Axes"]]:
    """Return a page-wide figure with a number of panels, those left over hidden, and a foot.

    `height` is that of a row, `top` that above the first panels, in inches.
    """
    import numpy as np

    from mtnas.report.render.style import PAGE_WIDTH, new_figure

    columns = min(columns, count)
    rows = -(-count // columns)
    total = height * rows + 0.3
    figure = new_figure(PAGE_WIDTH, total)
    axes = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    figure.subplots_adjust(
        left=0.1, right=0.985, wspace=0.3, hspace=(0.5 + top) / (height - 0.5 - top),
        top=1 - top / total, bottom=0.8 / total,
    )  # fmt: skip
    for panel in axes[count:]:
        panel.set_visible(False)
    return figure, axes[:count]


def foot(figure: "Figure", axes: Sequence["Axes"], columns: int = 4) -> None:
    """Explain the lines of all panels below them, each once."""
    handles: dict[str, Artist] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    ncols = min(columns, len(handles))
    figure.legend(list(handles.values()), list(handles), loc="lower center", ncols=ncols)


def first_of(frame: pd.DataFrame, column: str) -> Any:
    """Return the first value of a column."""
    return frame[column].iloc[0]


def _changes(plan: Plan, key: SubsetKey, option: str) -> bool:
    changed = plan.changes(key[1:])
    return any(name == option or name.startswith(f"{option}.") for name in changed)
