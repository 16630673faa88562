"""A search in a small space step by step: entropy left, and regret of the route that leads.

Beside the same search on pure noise, whose rewards tell nothing (D17). Lengths are in inches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.config.options import RunKey
from mtnas.evidence.search_record import SearchRecord
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError, of_space
from mtnas.report.judged import Truth
from mtnas.report.names import REFERENCE, Names, caption, simulated_in
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    axes_at,
    new_figure,
    styled,
    task_colour,
    write_title,
)
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT, LEFT, WIDTH = 2.3, 0.66, 2.6
LENGTHS = ("search.steps", "search.epochs", "search.until", "search.checks", "search.permuted")
CAPTION = (
    "A long search in a small space, every route of which was trained alone. Left: how much of the "
    "entropy of a blind choice is left, on average over blocks and seeds. Right: what the most "
    "probable route of that step, trained from scratch, loses in test loss against the oracle, "
    "which takes the route with the lowest validation loss of each seed (mean over seeds, band: "
    "95 % interval). Black, dashed: the same search when every reward goes to another route (pure "
    "noise). Entropy that is lost down to that line drifted and was not decided; a search learns "
    "something only where its regret falls below that of a random route (dotted)."
)


@dataclass(frozen=True)
class Course:
    """The ground truth of one dataset, and the search and its noise that were followed longest."""

    truth: Truth
    records: Sequence[SearchRecord]
    names: Names = field(default_factory=Names)


class SearchSteps(FigureExhibit[list[Course]]):
    """A figure per small space with a search on noise: `search_steps_{space}`."""

    place = 95

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the longest search of a space on every dataset, and the longest on noise."""
        found = {}
        for space in plan.judged:
            needs = of_space(plan, space)
            kept = tuple(e for e in needs.judged if e["variant"] in longest(plan, space))
            datasets = {entry["dataset"] for entry in kept}
            truths = tuple(key for key in needs.truths if key[0] in datasets)
            if kept:
                found[f"search_steps_{space}"] = Needs(truths=truths, judged=kept)
        return found

    def read(self, needs: Needs) -> list[Course]:
        """Read the searches that recorded which route leads."""
        records = [SearchRecord.read(entry["path"]) for entry in needs.judged]
        told = [r for r in records if all("route" in f.curve for f in r.seeds.values())]
        truths = [Truth.read(path) for path in needs.truth_files]
        found = [(t, [r for r in told if r.dataset == t.dataset]) for t in truths]
        if not told:
            raise NothingToShowError("no search recorded which route leads")
        return [Course(truth, own, needs.names) for truth, own in found if own]

    def data(self, content: list[Course]) -> pd.DataFrame:
        """Return a row per dataset, search and step, with what a random route loses beside it."""
        frames = [_followed(one, record) for one in content for record in one.records]
        return pd.concat(frames, ignore_index=True)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw entropy and regret, a row of two panels for each dataset."""
        return steps_figure(frame), caption(CAPTION, simulated_in(frame))


def followed(plan: Plan) -> list[RunKey]:
    """Return the searches whose course is drawn."""
    chosen = {space: longest(plan, space) for space in plan.judged}
    return [
        (dataset, REFERENCE, entry.home)
        for space, of_space in plan.judged.items()
        for dataset, entries in of_space.items()
        for entry in entries
        if entry.variant in chosen[space]
    ]


def longest(plan: Plan, space: str) -> set[str]:
    """Name the variants of a space that differ from its search in length or noise alone, the
    longest and the longest on noise; none where there is no noise.
    """
    changes = {name: dict(v.changes) for (_, name), v in plan.variants.items()}
    base = _without_lengths(changes.get(space, {}))
    entries = [e.variant for of in plan.judged[space].values() for e in of]
    alike = [name for name in entries if _without_lengths(changes.get(name, {})) == base]
    found = {}
    for name in sorted(alike, key=lambda name: _steps(changes.get(name, {}))):
        found[bool(changes.get(name, {}).get("search.permuted"))] = name
    return set(found.values()) if True in found else set()


def _without_lengths(changes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in changes.items() if name not in LENGTHS}


def _steps(changes: dict[str, object]) -> float:
    return float(str(changes.get("search.steps", 0)))


def _followed(course: Course, record: SearchRecord) -> pd.DataFrame:
    """Return a row per recorded step that all seeds took."""
    truth, curves = course.truth, [record.seeds[seed].curve for seed in record.first_routes]
    blocks = next(iter(record.seeds.values())).blocks.values()
    oracle = truth.losses(truth.oracle)
    rows: list[dict[str, object]] = []
    for at in range(min(len(curve["route"]) for curve in curves)):
        picks = {s: int(c["route"][at]) for s, c in zip(record.first_routes, curves, strict=True)}
        regret = truth.over(truth.losses(picks), oracle)
        rows.append(
            {
                **{"dataset": truth.dataset, "title": truth.title, "space": truth.name},
                "search": course.names.search(record.method, record.variant),
                **{"permuted": record.spec.search.permuted, "seeds": len(curves)},
                "step": int(curves[0]["step"][at]),
                "entropy": float(np.mean([curve["entropy"][at] for curve in curves])),
                "uniform_entropy": float(np.mean([b.uniform_entropy or np.nan for b in blocks])),
                **{"regret": regret.mean, "low": regret.low, "high": regret.high},
                "random_route": truth.over(truth.chance(), oracle).mean,
                **{"unit": truth.unit, "simulated": truth.simulated},
            }
        )
    return pd.DataFrame(rows)


def steps_figure(frame: pd.DataFrame) -> "Figure":
    """Return the figure of some searches, a row of panels for each dataset."""
    each = list(frame.groupby("dataset", sort=False))
    with styled():
        figure = new_figure(PAGE_WIDTH, HEIGHT * len(each))
        for row, (_, own) in enumerate(each):
            low = HEIGHT * (len(each) - 1 - row)
            first = own.sort_values("permuted", kind="stable").iloc[0]
            title = f"{first['title']}: {first['search']}, {first['seeds']} seeds"
            place = MARGIN, PAGE_WIDTH - MARGIN, 9
            write_title(figure, low + HEIGHT - 0.1, title, bool(own["simulated"].any()), *place)
            places = [MARGIN + LEFT + i * (WIDTH + 0.9) for i in (0, 1)]
            axes = [axes_at(figure, at, low + 0.42, WIDTH, HEIGHT - 0.85) for at in places]
            _draw_entropy(axes[0], own)
            _draw_regret(axes[1], own)
    return figure


def _draw_entropy(axes: "Axes", rows: pd.DataFrame) -> None:
    for noise, own in rows.groupby("permuted"):
        _line(axes, own["step"], 100 * own["entropy"] / own["uniform_entropy"], bool(noise), 1)
    axes.set_ylim(0, 108)
    axes.axhline(100, color=SHARED, lw=0.9, ls=(0, (4, 2)))
    axes.set_xlabel("architecture step")
    axes.set_ylabel("entropy left (%)")


def _draw_regret(axes: "Axes", rows: pd.DataFrame) -> None:
    for noise, own in rows.groupby("permuted"):
        _line(axes, own["step"], own["regret"], bool(noise), 0)
        if not noise and own["low"].notna().all():
            axes.fill_between(
                own["step"], own["low"], own["high"], color=task_colour(0), alpha=0.2, lw=0
            )
    axes.axhline(float(rows["random_route"].iloc[0]), color=SHARED, lw=0.9, ls=":")
    axes.axhline(0, color=SHARED, lw=0.6)
    axes.set_xlabel("architecture step")
    axes.set_ylabel(f"regret of the leading\nroute ({rows['unit'].iloc[0]})")


def _line(
    axes: "Axes", steps: "pd.Series[int]", values: "pd.Series[float]", noise: bool, colour: int
) -> None:
    style = (
        {"color": "black", "lw": 0.9, "ls": (0, (3, 2))}
        if noise
        else {"color": task_colour(colour)}
    )
    axes.plot(steps, values, **style)


EXHIBIT = SearchSteps()
