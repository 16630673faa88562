"""Figure 1: methods as routes (a-c), gate scores of MMoE (d), MMoE against its cut variant (e).

Lengths are in inches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.config.entries import PAPER
from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import Evidence, read_evidence
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError
from mtnas.report.names import Names, caption, column_name, dataset_name, simulated_in, task_name
from mtnas.report.render.gates import CAPTION as OF_GATES
from mtnas.report.render.gates import draw_gates, gate_data
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    WARNING,
    axes_at,
    new_figure,
    row_of_axes,
    styled,
    task_colour,
    write_at,
    write_title,
)
from mtnas.report.searched import route_of, route_rows, space_of
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.files import read_json
from mtnas.study.paths import SUBGRAPHS
from mtnas.tasks.metrics import in_tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan

CAPTION = (
    "(a) Share-Bottom, (b) MMoE and (c) a variant of MMoE with some links cut off, each as the "
    "route of the search space that is the same network; its sub-networks are the experts. "
    "Tasks stand in the order in which their dataset lists them."
)
GATES_CAPTION = f"(d) {OF_GATES}"
BOXES_CAPTION = (
    "(e) MMoE and the cut MMoE over independent runs: boxes from the first to the third quartile "
    "with the median, whiskers to 1.5 times their distance, a line for each common seed."
)
MMOE, CUT = ROWS = (("mmoe", PAPER), ("cut_mmoe", PAPER))
HEAD, GATES_HEAD = 0.26, 0.14  # the lines above panels
SCALE = 0.52  # inches per unit of a drawing, at most
LEAST_GAP = 0.3
LINE, LEGEND_EDGE = 0.135, 0.21  # inches of a line of a legend, and around it
GATES, BOXES = 1.8, 1.85  # height of a row of panels
PER_ROW = 3  # datasets of (d) side by side
MOST = 4  # scores of (e) side by side


@dataclass(frozen=True)
class Overview:
    """Methods as routes, and the runs of MMoE and the cut MMoE."""

    evidence: Evidence
    routes: dict[str, Route]
    names: Names = field(default_factory=Names)


class Figure1(FigureExhibit[Overview]):
    """What methods are as routes, and what MMoE does on measured data."""

    place = 10

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take the runs of MMoE and the cut MMoE in any experiment: (d) and (e) show those."""
        synthetic = plan.synthetic
        runs = tuple(r for r in plan.runs if r[0] not in synthetic and r[1:] in ROWS)
        data = tuple(dict.fromkeys(run[0] for run in runs))
        needs = Needs(runs=runs, manifests=data, subgraphs=True)
        return {"figure1": needs} if plan.datasets else {}

    def read(self, needs: Needs) -> Overview:
        """Read the runs, and the methods of (a-c) (`mtnas.experiments.equivalence`)."""
        if not Path(SUBGRAPHS).is_file():
            raise NothingToShowError(f"{SUBGRAPHS}: missing, so no method can be drawn as a route")
        evidence = read_evidence(needs.run_folders, manifests=needs.manifest_files)
        return Overview(evidence, read_typical(SUBGRAPHS), needs.names)

    def data(self, content: Overview) -> pd.DataFrame:
        """Return a row per block of (a-c), gate score of (d) and test score of (e)."""
        evidence, names = content.evidence, content.names
        blocks = [
            {"panel": letter, "method": method, "name": names.run(method), **row}
            for letter, (method, route) in zip("abc", content.routes.items(), strict=False)
            for row in route_rows(route)
        ]
        known = {tuple(map(task_name, evidence.task_names(d))) for d in evidence.tasks}
        called = known.pop() if len(known) == 1 else ()  # (a-c) are of all datasets
        gates = [gate_data(evidence.runs[name, *MMOE]) for name in gated(evidence)]
        scores = [_scores(content, (name, *row)) for name in paired(evidence) for row in ROWS]
        drawn = pd.DataFrame(blocks).assign(tasks="+".join(called))
        frames = [drawn, *(frame.assign(panel="d") for frame in gates)]
        frame = pd.concat([*frames, *scores], ignore_index=True)
        frame = frame.reindex(columns=list(dict.fromkeys(["panel", "dataset", *frame])))
        return frame.assign(simulated=frame["dataset"].isin(evidence.simulated))

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw (a-c), and (d) and (e) for the datasets that have their runs, if any."""
        parts = {CAPTION: "a", GATES_CAPTION: "d", BOXES_CAPTION: "e"}
        text = " ".join(part for part, panel in parts.items() if panel in set(frame["panel"]))
        return overview_figure(frame), caption(text, sorted(simulated_in(frame)))


def _scores(content: Overview, run: RunKey) -> pd.DataFrame:
    """Return the test scores of a run, a row per seed and score."""
    scores, (dataset, method, variant) = content.evidence.scores(run), run
    wide = scores[in_tables(scores.columns)].rename_axis(columns=None).reset_index()
    frame = wide.melt("seed", var_name="what", value_name="score")
    units = {what: content.evidence.unit(dataset, what) for what in set(frame["what"])}
    return frame.assign(
        panel="e",
        dataset=dataset,
        method=method,
        name=content.names.run(method, variant),
        label=[column_name(what, units[what]) for what in frame["what"]],
    )


def read_typical(path: str | Path) -> dict[str, Route]:
    """Return the routes of methods by their names, in the order of the panels."""
    typical = read_json(path, ("typical",))["typical"]
    return {
        name: Route.from_json(SearchSpace(**route["space"]), route["blocks"])
        for name, route in typical.items()
    }


def gated(evidence: Evidence) -> list[str]:
    """Name the datasets on which MMoE recorded its gate scores."""
    runs: list[RunKey] = [(dataset, *MMOE) for dataset in evidence.datasets]
    return [run[0] for run in runs if run in evidence.runs and evidence.runs[run].record.gates]


def paired(evidence: Evidence) -> list[str]:
    """Name the datasets on which both MMoE and the cut MMoE ran."""
    return [d for d in evidence.datasets if not evidence.lacking([(d, *MMOE), (d, *CUT)])]


def overview_figure(frame: pd.DataFrame) -> "Figure":
    """Return Figure 1."""
    from mtnas.report.render.route_drawing import panel_units

    routes = [rows for letter, rows in frame.groupby("panel") if letter in ("a", "b", "c")]
    units = [panel_units(space_of(rows)) for rows in routes]
    room = PAGE_WIDTH - 2 * MARGIN - LEAST_GAP * (len(units) - 1)
    scale = min(SCALE, room / sum(width for width, _ in units))
    tasks = max(space_of(rows).num_tasks for rows in routes)
    lines = ceil((tasks + 3) / _columns(tasks))
    drawn = HEAD + scale * max(height for _, height in units) + LEGEND_EDGE + LINE * lines
    gates, boxes = (_by_dataset(frame, panel) for panel in "de")
    rows = [gates[i : i + PER_ROW] for i in range(0, len(gates), PER_ROW)]
    tall = [BOXES * ceil(of["label"].nunique() / MOST) for of in boxes]
    height = drawn + GATES_HEAD * bool(rows) + GATES * len(rows) + sum(tall)
    with styled():
        figure = new_figure(PAGE_WIDTH, height + 0.06)
        _draw_methods(figure, height, routes, scale)
        top = height - drawn
        if rows:
            write_title(figure, top, "(d) Gate scores of MMoE")
            top -= GATES_HEAD
        for row in rows:
            _draw_gates(figure, top, row)
            top -= GATES
        for scores, line in zip(boxes, tall, strict=True):
            _draw_boxes(figure, top, scores)
            top -= line
    return figure


def _columns(tasks: int) -> int:
    """Return how many entries of the legend of (a-c) stand side by side."""
    return 5 if tasks < 3 else 3


def _by_dataset(frame: pd.DataFrame, panel: str) -> list[pd.DataFrame]:
    """Return the rows of a panel, dataset by dataset in their order."""
    rows = frame[frame["panel"] == panel]
    return [of for _, of in rows.groupby("dataset", sort=False)]


def _draw_methods(
    figure: "Figure", top: float, methods: Sequence[pd.DataFrame], scale: float
) -> None:
    """Draw (a-c) side by side on one ground line, their widths shared out over the page."""
    from mtnas.report.render.route_drawing import draw_route, legend_handles, name_size, panel_units

    routes = [route_of(space_of(rows), rows) for rows in methods]
    sizes = [panel_units(route.space) for route in routes]
    spare = PAGE_WIDTH - 2 * MARGIN - scale * sum(width for width, _ in sizes)
    left, pitch = MARGIN, spare / max(1, len(sizes) - 1)
    low = top - HEAD - scale * max(height for _, height in sizes)
    for rows, route, size in zip(methods, routes, sizes, strict=True):
        title = "({panel}) {name}".format(**rows.iloc[0])
        write_at(figure, left, top, title, 9, fontweight="bold")
        panel = axes_at(figure, left, low, scale * size[0], scale * size[1])
        draw_route(panel, route, font_size=name_size(scale))
        left += scale * size[0] + pitch
    tasks = max(route.space.num_tasks for route in routes)
    called = [name for name in str(methods[0]["tasks"].iloc[0]).split("+") if name]
    called = called if len(called) == tasks else []
    _, h = figure.get_size_inches()
    figure.legend(
        handles=legend_handles(tasks, unused=False, names=called), loc="upper center",
        ncols=_columns(tasks), columnspacing=1.2, handlelength=1.6,
        bbox_to_anchor=(0.5, (low - 0.02) / h),
    )  # fmt: skip


def _draw_gates(figure: "Figure", top: float, datasets: Sequence[pd.DataFrame]) -> None:
    """Draw a row of (d): a panel per dataset."""
    panels = row_of_axes(figure, top, GATES, PER_ROW)
    for panel in panels[len(datasets) :]:
        panel.remove()
    for panel, rows in zip(panels, datasets, strict=False):
        scores_STE = draw_gates(panel, rows)
        inches = panel.get_position().height * figure.get_size_inches()[1]
        above = (LINE * (scores_STE.shape[1] + 1) + 0.1) / inches  # 'lowest' and the legend
        panel.set_ylim(0, 1.05 * scores_STE.max() / max(0.3, 1 - above))
        name, simulated = rows["dataset"].iloc[0], bool(rows["simulated"].iloc[0])
        panel.set_title(dataset_name(name, simulated), color=WARNING if simulated else SHARED)
        panel.set_xlabel("expert")
        panel.set_ylabel("mean gate score")
        panel.legend(loc="upper left", bbox_to_anchor=(0, 0.93))


def _draw_boxes(figure: "Figure", top: float, rows: pd.DataFrame) -> None:
    """Draw (e) of one dataset: two boxes per score, and the line of each seed between them."""
    labels = list(dict.fromkeys(rows["label"]))
    names = dict.fromkeys(rows["name"])
    both = {
        label: of.pivot(index="seed", columns="name", values="score")[list(names)].dropna()
        for label, of in rows.groupby("label", sort=False)
    }
    name, simulated = rows["dataset"].iloc[0], bool(rows["simulated"].iloc[0])
    title = f"(e) {dataset_name(name)}, {len(both[labels[0]])} seeds"
    write_title(figure, top, title, simulated)
    for i in range(0, len(labels), MOST):
        panels = row_of_axes(figure, top, BOXES, min(MOST, len(labels)))
        for panel, label in zip(panels, labels[i : i + MOST], strict=False):
            _boxes(panel, list(names), both[label])
            panel.set_ylabel(f"test {label}")
        for panel in panels[len(labels[i : i + MOST]) :]:
            panel.remove()
        top -= BOXES


def _boxes(panel: "Axes", names: Sequence[str], both: pd.DataFrame) -> None:
    panel.plot([1, 2], both.sort_index().to_numpy().T, color=SHARED, lw=0.4, alpha=0.5)
    thin = {"linewidth": 0.8}
    boxes = panel.boxplot(
        both.to_numpy(), tick_labels=names, widths=0.5, patch_artist=True, showfliers=False,
        boxprops=thin, whiskerprops=thin, capprops=thin,
    )  # fmt: skip
    for i, box in enumerate(boxes["boxes"]):
        box.set(facecolor=task_colour(i), alpha=0.35)
    for line in boxes["medians"]:
        line.set(color="black")


EXHIBIT = Figure1()
