"""What a score does over one option of the search, drawn from the data of Figure 7."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mtnas.report.names import SIMULATED
from mtnas.report.render.html import render
from mtnas.report.site.scales import Scale

CAPTION = (
    "MTNAS over one option, all others as in the paper: means over seeds. Bars are one standard "
    "deviation after the mean of each seed over the sweep is taken out, since methods are compared "
    "seed by seed. Seconds are per seed; a hollow mark is a time of another day, machine or "
    "version of the code, which cannot be compared with the others."
)
WIDTH, HEIGHT, LEFT, FOOT = 280.0, 150.0, 56.0, 24.0
SYMBOLS = {"num_subnets": "H, sub-networks per layer", "num_layers": "L, layers of sub-networks"}


@dataclass(frozen=True)
class Curve:
    """Means over seeds at each size, within a band of one deviation within seeds."""

    title: str
    option: str
    sizes: Sequence[int]
    mean: Sequence[float]
    spread: Sequence[float]
    apart: Collection[int] = ()  # sizes whose times cannot be compared with the others

    @property
    def across(self) -> Scale:
        """Return the scale of the sizes."""
        return Scale(min(self.sizes) - 0.2, max(self.sizes) + 0.2, LEFT, WIDTH)

    @property
    def up(self) -> Scale:
        """Return the scale of the values."""
        ends = [*map(sum, zip(self.mean, self.spread, strict=True))]
        ends += [m - s for m, s in zip(self.mean, self.spread, strict=True)]
        return Scale.over(ends, HEIGHT - FOOT, 8)

    @property
    def points(self) -> list[tuple[float, float, float, float, str, bool]]:
        """Return by size the place of its mean, the ends of its band, words, and if it is apart."""
        up, across = self.up, self.across
        return [
            (
                *(across.at(size), up.at(m), up.at(m - s), up.at(m + s)),
                f"{size}: {m:.5g} ± {s:.2g}",
                size in self.apart,
            )
            for size, m, s in zip(self.sizes, self.mean, self.spread, strict=True)
        ]

    def html(self) -> Markup:
        """Return the drawing."""
        box = {"left": LEFT, "width": WIDTH, "height": HEIGHT, "foot": FOOT}
        return render("sweep.html.j2", curve=self, **box)


@dataclass(frozen=True)
class Sweep:
    """All curves of a dataset."""

    title: str
    curves: Sequence[Curve]

    def html(self) -> Markup:
        """Return the curves side by side."""
        panels = Markup("\n").join(curve.html() for curve in self.curves)
        return Markup('<h4>{}</h4>\n<div class="panels">\n{}\n</div>').format(self.title, panels)


def sweeps(frame: pd.DataFrame) -> list[Sweep]:
    """Return the curves of every dataset in the data of a figure of a sweep."""
    found = []
    for title, rows in frame.groupby("title", sort=False):
        mark = f" ({SIMULATED})" if rows["simulated"].any() else ""
        curves = [_curve(str(label), own) for label, own in rows.groupby("label", sort=False)]
        found.append(Sweep(f"{title}{mark}", curves))
    return found


def _curve(label: str, rows: pd.DataFrame) -> Curve:
    """Return one score over the sizes; only seeds that all sizes have count."""
    option = SYMBOLS.get(rows["option"].iloc[0], str(rows["option"].iloc[0]))
    values = rows.assign(seed=rows["seed"].fillna(-1)).pivot(
        index="seed", columns="size", values="value"
    )
    values = values.dropna()
    within = values.sub(values.mean(axis=1), axis=0)
    spread = within.std(ddof=1) if len(values) > 1 else 0.0 * values.mean()
    sizes = [int(size) for size in values.columns]
    timed = rows["metric"].iloc[0] == "seconds" and "apart" in rows
    apart = set(rows.loc[rows["apart"].astype(bool), "size"].astype(int)) if timed else set()
    return Curve(label, option, sizes, values.mean().tolist(), spread.tolist(), apart)
