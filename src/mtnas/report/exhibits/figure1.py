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
from mtnas.evidence.resampling import at_share
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError
from mtnas.report.names import Names, caption, column_name, dataset_name, simulated_in, task_name
from mtnas.report.render.gates import CAPTION as OF_GATES
from mtnas.report.render.gates import draw_gates, gate_data, gate_handles
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    WARNING,
    axes_at,
    new_figure,
    styled,
    write_at,
    write_title,
)
from mtnas.report.searched import route_of, route_rows, space_of
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.files import read_sealed
from mtnas.study.paths import SUBGRAPHS
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import MTL_LOSS, in_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mtnas.report.render.gaps import Gap

CAPTION = (
    "(a) Share-Bottom, (b) MMoE and (c) a variant of MMoE with some links cut off, each as the "
    "route of the search space that is the same network; its sub-networks are the experts. "
    "Tasks stand in the order in which their dataset lists them."
)
GATES_CAPTION = f"(d) {OF_GATES}"
GAPS_CAPTION = (
    "(e) The test scores of the cut MMoE less those of MMoE: a dot for each common seed, their "
    "mean, and its 95 % t interval (corrected where splits overlap). Where that holds 0, these "
    "seeds show no difference."
)
MMOE, CUT = ROWS = (("mmoe", PAPER), ("cut_mmoe", PAPER))
HEAD = 0.26  # the line above panels
SCALE = 0.52  # inches per unit of a drawing, at most
LEAST_GAP = 0.3
LINE = 0.135  # inches of a line of a legend
EDGE = 0.21  # around a legend
GATES = 1.62  # height of a row of panels, without their legend
PER_ROW = 4  # datasets of (d) side by side
LETTERS = 13  # of names that stand two side by side below a panel


@dataclass(frozen=True)
class Overview:
    """Methods as routes, and the runs of MMoE and the cut MMoE."""

    evidence: Evidence
    routes: dict[str, Route]
    names: Names = field(default_factory=Names)


class Figure1(FigureExhibit[Overview]):
    """What methods are as routes, and what MMoE does on measured data."""

    place = 10

    def needs(self, plan: Plan) -> dict[str, Needs]:
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
        known = {tuple(map(task_name, evidence.task_names(d))) for d in evidence.tables}
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
        parts = {CAPTION: "a", GATES_CAPTION: "d", GAPS_CAPTION: "e"}
        text = " ".join(part for part, panel in parts.items() if panel in set(frame["panel"]))
        return overview_figure(frame), caption(text, sorted(simulated_in(frame)))


def _scores(content: Overview, run: RunKey) -> pd.DataFrame:
    """Return the test scores of a run, a row per seed and score."""
    scores, (dataset, method, variant) = content.evidence.scores(run), run
    rows = content.evidence.runs[run].record.resampling
    wide = scores[in_tables(scores.columns)].rename_axis(columns=None).reset_index()
    frame = wide.melt("seed", var_name="what", value_name="score")
    units = {what: content.evidence.unit(dataset, what) for what in set(frame["what"])}
    return frame.assign(
        panel="e",
        dataset=dataset,
        method=method,
        name=content.names.run(method, variant),
        test_share=rows.test_share,
        folds=rows.folds,
        label=[column_name(what, units[what]) for what in frame["what"]],
    )


def read_typical(path: str | Path) -> dict[str, Route]:
    """Return the routes of methods by their names, in the order of the panels."""
    typical = read_sealed(path, ("typical",))["typical"]
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
    from mtnas.report.render.gaps import draw_gaps, gaps_height

    methods = [rows for letter, rows in frame.groupby("panel") if letter in ("a", "b", "c")]
    scale, drawn = _size(methods)
    datasets = [of for _, of in frame[frame["panel"] == "d"].groupby("dataset", sort=False)]
    rows = [datasets[i : i + PER_ROW] for i in range(0, len(datasets), PER_ROW)]
    columns = max(2, min(PER_ROW, len(datasets)))
    compared = frame[frame["panel"] == "e"]
    tall, gaps = [GATES + _below(row) for row in rows], _gaps(compared)
    height = drawn + HEAD * bool(rows) + sum(tall)
    height += (HEAD + gaps_height(gaps)) * bool(gaps)
    with styled():
        figure = new_figure(PAGE_WIDTH, height + 0.06)
        _draw_methods(figure, height, methods, scale)
        top = height - drawn
        if rows:
            write_title(figure, top, "(d) Gate scores of MMoE")
            top -= HEAD
        for row, inches in zip(rows, tall, strict=True):
            _draw_gates(figure, top, row, max(of["score"].max() for of in datasets), columns)
            top -= inches
        if gaps:
            of, less = dict.fromkeys(compared["name"])
            simulated = bool(compared["simulated"].any())
            write_title(figure, top, f"(e) {less} against {of}", simulated)
            draw_gaps(figure, top - HEAD, gaps, f"{less} − {of}")
    return figure


def _size(methods: Sequence[pd.DataFrame]) -> tuple[float, float]:
    """Return the inches per unit of (a-c), and how much height they take with their legend."""
    from mtnas.report.render.route_drawing import panel_units

    units = [panel_units(space_of(rows)) for rows in methods]
    room = PAGE_WIDTH - 2 * MARGIN - LEAST_GAP * (len(units) - 1)
    scale = min(SCALE, room / sum(width for width, _ in units))
    height = HEAD + scale * max(height for _, height in units) + LINE + EDGE
    return scale, height + LINE * len(_called(methods[0]))


def _called(rows: pd.DataFrame) -> list[str]:
    """Return what the tasks of (a-c) are called, in lines, if they have names of their own."""
    from mtnas.report.render.route_drawing import tasks_named

    return tasks_named(space_of(rows), str(rows["tasks"].iloc[0]).split("+"))


def _gaps(rows: pd.DataFrame) -> list["Gap"]:
    """Return the gaps of (e), dataset by dataset."""
    from mtnas.report.render.gaps import Gap

    if rows.empty:
        return []
    names, found = list(dict.fromkeys(rows["name"])), []
    for (dataset, label), of in rows.groupby(["dataset", "label"], sort=False):
        both = of.pivot(index="seed", columns="name", values="score").dropna()
        what, title = str(of["what"].iloc[0]), dataset_name(str(dataset))
        shown = title if what == MTL_LOSS else f"{title}: {label}"
        found.append(
            Gap(
                shown,
                what,
                both[names[1]] - both[names[0]],
                bool(of["simulated"].any()),
                at_share(float(of["test_share"].iloc[0]), int(of["folds"].iloc[0])),
            )
        )
    return found


def _draw_methods(
    figure: "Figure", top: float, methods: Sequence[pd.DataFrame], scale: float
) -> None:
    """Draw (a-c) side by side on one ground line, their widths shared out over the page."""
    from mtnas.report.render.route_drawing import draw_route, legend_of, name_size, panel_units

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
    for line in _called(methods[0]):
        write_at(figure, PAGE_WIDTH / 2, low - 0.03, line, color=SHARED, ha="center")
        low -= LINE
    _, h = figure.get_size_inches()
    figure.legend(
        **legend_of(routes[-1].space.num_tasks, unused=False), loc="upper center", ncols=4,
        columnspacing=1.2, handlelength=1.6, bbox_to_anchor=(0.5, (low - 0.02) / h),
    )  # fmt: skip


def _columns(row: Sequence[pd.DataFrame]) -> int:
    """Return how many tasks stand side by side in the legends of a row of panels."""
    return 2 if max(len(task_name(task)) for of in row for task in of["task"]) <= LETTERS else 1


def _below(row: Sequence[pd.DataFrame]) -> float:
    """Return the height of the legends below a row of panels."""
    tasks = max(of["task"].nunique() for of in row)
    return LINE * ceil(tasks / _columns(row)) + 0.1


def _draw_gates(
    figure: "Figure", top: float, row: Sequence[pd.DataFrame], highest: float, columns: int
) -> None:
    """Draw a row of (d): a panel per dataset, its tasks named below it."""
    pitch, left = (PAGE_WIDTH - MARGIN - 0.5) / columns, 0.5
    for i, rows in enumerate(row):
        panel = axes_at(figure, left + i * pitch, top - GATES + 0.42, pitch - 0.12, GATES - 0.62)
        draw_gates(panel, rows, highest)
        name, simulated = rows["dataset"].iloc[0], bool(rows["simulated"].iloc[0])
        panel.set_title(dataset_name(name, simulated), color=WARNING if simulated else SHARED)
        panel.set_xlabel("expert")
        if i:
            panel.set_yticklabels([])
        else:
            panel.set_ylabel("mean gate score")
        panel.legend(
            handles=gate_handles(list(dict.fromkeys(rows["task"]))), loc="upper center",
            bbox_to_anchor=(0.5, -0.36 / (GATES - 0.62)), ncols=_columns(row), borderaxespad=0,
            handletextpad=0.2, columnspacing=0.8, labelspacing=0.25, borderpad=0,
        )  # fmt: skip


EXHIBIT = Figure1()
