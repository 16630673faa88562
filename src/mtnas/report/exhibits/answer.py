"""The answer as a picture: what each method gains, with the interval that decided."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.report.answer.needs import needs_of
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import dataset_name, simulated_caption
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.report.answer.compare import Gain
    from mtnas.report.runs import Results

COLOURS = {1: "#0072B2", -1: "#D55E00", 0: "#777777"}
MEANING = {1: "measurably better", -1: "measurably worse", 0: "no difference these seeds can show"}
ROW, HEAD, FOOT, COLUMNS = 0.2, 0.45, 0.4, 2  # inches; panels beside each other
CAPTION = (
    "A dot tells how much better one method is than another on the test set, mean over seeds; "
    "right of the line favours the method that is named first. Bars are 95 % intervals, corrected "
    "for the number of comparisons (Holm): one that crosses the line shows no difference. Every "
    "dataset has a scale of its own."
)


class AnswerChart(FigureExhibit["tuple[Results, list[Gain]]"]):
    """The comparisons that the first answer of a study is about."""

    place = 0

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the main comparison, if a dataset has two methods in it that may be chosen."""
        needs = needs_of(plan)
        free = {run: run[1:] for run in plan.main if list(run[1:]) not in needs.facts["controls"]}
        datasets = [run[0] for run in free if run[0] in plan.principal]
        if all(datasets.count(name) < 2 for name in datasets):
            return {}
        runs = tuple(run for run in needs.runs if "/".join(run) in needs.facts["main"])
        own = replace(needs, runs=runs, searches=(), truths=(), judged=(), diagnoses=())
        return {"answer": own}

    def read(self, needs: Needs) -> "tuple[Results, list[Gain]]":
        """Compare the runs."""
        from mtnas.report.answer.build import compared

        return compared(needs)

    def data(self, content: "tuple[Results, list[Gain]]") -> pd.DataFrame:
        """Return a row per comparison; one seed has no interval."""
        from mtnas.report.answer.compare import verdict_of

        results, gains = content
        return pd.DataFrame(
            [
                {
                    "dataset": dataset_name(gain.dataset, results.simulated(gain.dataset)),
                    "method": results.name(gain.ours),
                    "compared_with": results.name(gain.other),
                    "low": gain.interval and gain.interval[0],
                    "gain": gain.found.mean,
                    "high": gain.interval and gain.interval[1],
                    "score": gain.score.words,
                    "unit": gain.score.unit,
                    "sign": gain.sign,
                    "verdict": verdict_of(gain),
                    "simulated": results.simulated(gain.dataset),
                }
                for gain in gains
            ]
        )

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw a panel per dataset."""
        return chart(frame), simulated_caption(CAPTION, bool(frame["simulated"].any()))


def chart(frame: pd.DataFrame) -> "Figure":
    """Return the intervals of all comparisons, a panel per dataset, two side by side."""
    from mtnas.report.render.style import PAGE_WIDTH, axes_at, new_figure, styled, write_title

    panels = list(frame.groupby("dataset", sort=False))
    title, named = _sides(frame)
    rows = [panels[i : i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    heights = [HEAD + ROW * max(len(of) for _, of in row) + FOOT for row in rows]
    left = 0.3 + 0.06 * frame[named].str.len().max()
    with styled():
        bottom = sum(heights) + 0.3
        figure = new_figure(PAGE_WIDTH, bottom + 0.25)
        write_title(figure, bottom + 0.15, title, bool(frame["simulated"].any()))
        pitch = PAGE_WIDTH / min(COLUMNS, len(panels))
        for row, height in zip(rows, heights, strict=True):
            bottom -= height
            for column, (name, of) in enumerate(row):
                tall = ROW * len(of)
                place = (column * pitch + left, bottom + height - HEAD - tall + 0.1)
                axes = axes_at(figure, *place, pitch - left - 0.15, tall)
                _draw(axes, str(name), of, named)
        _legend(figure)
    return figure


def _sides(frame: pd.DataFrame) -> tuple[str, str]:
    """Return the title of the chart, and the column that names its lines."""
    first, second = frame["method"], frame["compared_with"]
    if first.nunique() == 1:
        return f"How much better {first.iloc[0]} is on the test set than:", "compared_with"
    if second.nunique() == 1:
        return f"How much better than {second.iloc[0]} on the test set is:", "method"
    return "How much better than the simplest method on the test set is:", "method"


def _draw(axes: "Axes", name: str, of: pd.DataFrame, named: str) -> None:
    axes.axvline(0, color="#333333", linewidth=0.8)
    ends = of[["low", "gain", "high"]].to_numpy(float)  # one seed: NaN, which is not drawn
    for place, ((low, mean, high), sign) in enumerate(zip(ends, of["sign"], strict=True)):
        axes.plot([low, high], [place, place], color=COLOURS[sign], linewidth=2)
        axes.plot([mean], [place], "o", color=COLOURS[sign], markersize=4.5)
    axes.set_yticks(range(len(of)), list(of[named]))
    axes.set_ylim(len(of) - 0.5, -0.5)
    axes.set_title(name, fontweight="bold")
    unit = of["unit"].iloc[0]
    axes.set_xlabel("fall of the loss" if unit == "loss" else f"gain in {unit}", fontsize=7)
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(axis="y", length=0)


def _legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COLOURS[sign], marker="o", linewidth=2, label=MEANING[sign])
        for sign in COLOURS
    ]
    figure.legend(handles=handles, loc="lower center", ncols=3)


EXHIBIT = AnswerChart()
