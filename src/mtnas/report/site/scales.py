"""From numbers to places in a drawing, and intervals as they are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["better", "worse", "unsure"]


@dataclass(frozen=True)
class Scale:
    """A linear scale from `low ... high` to `left ... right`, in units of the drawing."""

    low: float
    high: float
    left: float
    right: float

    @classmethod
    def over(
        cls, values: Sequence[float], left: float, right: float, spare: float = 0.06
    ) -> "Scale":
        """Return the scale that holds all values, with some room beside them."""
        low, high = min(values), max(values)
        room = spare * (high - low) or abs(low) * spare or 1.0
        return cls(low - room, high + room, left, right)

    def at(self, value: float) -> float:
        """Return where a value is, to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.left + share * (self.right - self.left), 1)

    def ticks(self, most: int = 3) -> list[tuple[float, str]]:
        """Return the places of a few round values, with their texts."""
        from matplotlib.ticker import MaxNLocator

        values = [
            float(value)
            for value in MaxNLocator(nbins=most, steps=[1, 2, 5, 10]).tick_values(
                self.low, self.high
            )
            if self.low <= value <= self.high
        ]
        return [(self.at(value), short(value)) for value in values]


def short(value: float) -> str:
    """Format a tick: as few digits as it has, with a true minus."""
    return f"{value:.6g}".replace("-", "−")


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval, None where there is none; `href` says where it is from."""

    label: str
    low: float | None
    estimate: float
    high: float | None
    told: str
    href: str = ""
    side: Side = "unsure"

    @property
    def values(self) -> list[float]:
        """Return all its numbers."""
        return [value for value in (self.low, self.estimate, self.high) if value is not None]


def side_of(low: float | None, high: float | None) -> Side:
    """Return on which side of zero an interval lies, if more is better."""
    if low is None or high is None or low <= 0 <= high:
        return "unsure"
    return "better" if low > 0 else "worse"
