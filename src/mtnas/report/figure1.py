"""Figure 1: methods as routes (a-c), gate scores of MMoE (d), MMoE against its cut variant (e).

Lengths are in inches.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtnas.evidence.claims.evidence import Evidence, read_evidence
from mtnas.report.names import caption, column_name, dataset_name, method_name
from mtnas.report.route_drawing import draw_route, legend_handles, name_size, panel_units
from mtnas.report.selection import FIGURE1
from mtnas.report.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    WARNING,
    axes_at,
    new_figure,
    row_of_axes,
    save_figure,
    styled,
    task_colour,
    write_at,
    write_title,
)
from mtnas.report.synthetic_figures import FIGURE6_CAPTION, draw_gates, gate_scores
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.files import read_json
from mtnas.study.paths import RunKey

CAPTION = (
    "(a) Share-Bottom, (b) MMoE and (c) a variant of MMoE with some links cut off, each as the "
    "route of the search space that is the same network; its sub-networks are the experts."
)
GATES_CAPTION = f"(d) {FIGURE6_CAPTION}"
BOXES_CAPTION = (
    "(e) MMoE and the cut MMoE over independent runs: boxes from the first to the third quartile "
    "with the median, whiskers to 1.5 times their distance, a line for each common seed."
)
MMOE, CUT = FIGURE1
HEAD, GATES_HEAD = 0.26, 0.14  # the lines above panels
SCALE = 0.52  # inches per unit of a drawing, at most
LEAST_GAP = 0.3
LEGEND = 0.48
GATES, BOXES = 1.8, 1.85  # height of a row of panels
PER_ROW = 3  # datasets of (d) side by side


def figure1(
    run_folders: Sequence[str | Path],
    subgraphs: str | Path,
    outputs: Sequence[str | Path],
) -> None:
    """Draw Figure 1; (d) and (e) for the datasets that have their runs, if any.

    The methods of (a-c) are in the file `subgraphs` (`mtnas.experiments.equivalence`).
    """
    evidence, routes = read_evidence(run_folders), read_typical(subgraphs)
    parts = {CAPTION: True, GATES_CAPTION: gated(evidence), BOXES_CAPTION: paired(evidence)}
    text = " ".join(part for part, shown in parts.items() if shown)
    figure = overview_figure(evidence, routes)
    save_figure(figure, outputs, caption(text, sorted(evidence.simulated)))


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


def overview_figure(evidence: Evidence, routes: Mapping[str, Route]) -> Figure:
    """Return Figure 1."""
    units = [panel_units(route.space) for route in routes.values()]
    room = PAGE_WIDTH - 2 * MARGIN - LEAST_GAP * (len(units) - 1)
    scale = min(SCALE, room / sum(width for width, _ in units))
    drawn = HEAD + scale * max(height for _, height in units) + LEGEND
    boxes, gates = paired(evidence), gated(evidence)
    rows = [gates[i : i + PER_ROW] for i in range(0, len(gates), PER_ROW)]
    height = drawn + GATES_HEAD * bool(rows) + GATES * len(rows) + BOXES * len(boxes)
    with styled():
        figure = new_figure(PAGE_WIDTH, height + 0.06)
        _draw_methods(figure, height, routes, scale)
        top = height - drawn
        if rows:
            write_title(figure, top, "(d) Gate scores of MMoE")
            top -= GATES_HEAD
        for row in rows:
            _draw_gates(figure, top, evidence, row)
            top -= GATES
        for dataset in boxes:
            _draw_boxes(figure, top, evidence, dataset)
            top -= BOXES
    return figure


def _draw_methods(figure: Figure, top: float, routes: Mapping[str, Route], scale: float) -> None:
    """Draw (a-c) side by side on one ground line, their widths shared out over the page."""
    sizes = [panel_units(route.space) for route in routes.values()]
    spare = PAGE_WIDTH - 2 * MARGIN - scale * sum(width for width, _ in sizes)
    left, pitch = MARGIN, spare / max(1, len(sizes) - 1)
    low = top - HEAD - scale * max(height for _, height in sizes)
    for letter, (method, route), size in zip("abc", routes.items(), sizes, strict=False):
        write_at(figure, left, top, f"({letter}) {method_name(method)}", 9, fontweight="bold")
        panel = axes_at(figure, left, low, scale * size[0], scale * size[1])
        draw_route(panel, route, font_size=name_size(scale))
        left += scale * size[0] + pitch
    tasks = max(route.space.num_tasks for route in routes.values())
    _, h = figure.get_size_inches()
    figure.legend(
        handles=legend_handles(tasks, unused=False), loc="upper center",
        ncols=5 if tasks < 3 else 3, columnspacing=1.2, handlelength=1.6,
        bbox_to_anchor=(0.5, (low - 0.02) / h),
    )  # fmt: skip


def _draw_gates(figure: Figure, top: float, evidence: Evidence, datasets: Sequence[str]) -> None:
    """Draw a row of (d): a panel per dataset."""
    panels = row_of_axes(figure, top, GATES, PER_ROW)
    for panel in panels[len(datasets) :]:
        panel.remove()
    for panel, dataset in zip(panels, datasets, strict=False):
        scores_STE = gate_scores(evidence.runs[dataset, *MMOE])
        draw_gates(panel, scores_STE)
        panel.set_ylim(
            0, (1.2 + 0.15 * scores_STE.shape[1]) * scores_STE.max()
        )  # room for the legend
        simulated = dataset in evidence.simulated
        panel.set_title(dataset_name(dataset, simulated), color=WARNING if simulated else SHARED)
        panel.set_xlabel("expert")
        panel.set_ylabel("mean gate score")
        panel.legend(loc="upper left")


def _draw_boxes(figure: Figure, top: float, evidence: Evidence, dataset: str) -> None:
    """Draw (e) of one dataset: two boxes per score, and the line of each seed between them."""
    scores = {row: evidence.scores((dataset, *row)) for row in FIGURE1}
    common = scores[MMOE].index.intersection(scores[CUT].index)
    columns = [*evidence.columns((dataset, *MMOE), "auc"), "mtl_loss"]
    title = f"(e) {dataset_name(dataset)}, {len(common)} seeds"
    write_title(figure, top, title, dataset in evidence.simulated)
    for panel, column in zip(row_of_axes(figure, top, BOXES, len(columns)), columns, strict=True):
        _boxes(panel, pd.DataFrame({row: of[column][common] for row, of in scores.items()}))
        panel.set_ylabel(f"test {column_name(column)}")


def _boxes(panel: Axes, both: pd.DataFrame) -> None:
    names = [method_name(*row) for row in FIGURE1]
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
