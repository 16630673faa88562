"""Numbers and names as sentences have them."""

import math

from mtnas.config.entries import PAPER
from mtnas.evidence.diagnosis.sentences import listed
from mtnas.evidence.pairing import Row
from mtnas.report.answer.compare import Gain
from mtnas.report.names import numbered
from mtnas.report.runs import Results

__all__ = [
    "amount",
    "called",
    "interval",
    "listed",
    "of",
    "raw",
    "signed",
    "signed_of",
    "split",
    "task_words",
]


MEANING = {"single_task": "a model for each task", "share_bottom": "one model for all tasks"}


def called(results: Results, row: Row) -> str:
    """Return the name of a method, with what it means if that is short."""
    meaning = MEANING.get(row[0]) if row[1] == PAPER else None
    return results.name(row) + (f" ({meaning})" if meaning else "")


def amount(value: float, width: float | None = None) -> str:
    """Return a size with four decimals, or as many as show two digits of a smaller `width`."""
    size = abs(value) if width is None else width
    digits = 4 if size <= 0 else max(4, min(8, 1 - math.floor(math.log10(size))))
    return f"{abs(value):.{digits}f}"


def of(found: Gain) -> str:
    """Return the size of a gain, with as many decimals as its interval."""
    return amount(found.found.mean, _width(found))


def raw(found: Gain) -> float:
    """Return how much higher the score of the first run is: of a loss, lower is better."""
    return found.score.sign * found.found.mean


def signed_of(found: Gain) -> str:
    """Return the difference of the scores with its sign, see `raw`."""
    return signed(raw(found), _width(found))


def _width(found: Gain) -> float | None:
    return None if found.interval is None else found.interval[1] - found.interval[0]


def signed(value: float, width: float | None = None) -> str:
    """Return a difference with its sign."""
    return f"{'−' if value < 0 else '+'}{amount(value, width)}"


def interval(found: Gain) -> str:
    """Return such as `95 % interval +0.0010 to +0.0030, corrected`: for several comparisons.

    It is that of the difference of the scores; of a loss it is said that lower is better.
    """
    lower = "" if found.score.sign > 0 else "lower is better; "
    if found.interval is None:
        return f"{lower}one seed, so without interval"
    low, high = sorted(found.score.sign * end for end in found.interval)
    corrected = ", corrected" if found.family > 1 else ""
    ends = f"{signed(low, high - low)} to {signed(high, high - low)}"
    return f"{lower}95 % interval {ends}{corrected}"


def split(better: int, worse: int, same: int, ours: str, other: str) -> str:
    """Return such as `1 favours the search, none simple sharing and 14 show no difference`."""
    verb, show = ("favour" if better > 1 else "favours"), ("show" if same > 1 else "shows")
    parts = f"{_many(better)} {verb} {ours}, {_many(worse)} {other}"
    return f"{parts} and {_many(same)} {show} no difference"


def _many(number: int) -> str:
    return str(number) if number else "none"


def meaning_of(rule: str) -> str:
    """Return what a task means, which stands in its rule behind a colon; empty if nothing does.

    `rating >= 4: the user likes the movie` means `the user likes the movie`.
    """
    return rule.rpartition(": ")[2] if ": " in rule else ""


def task_words(name: str, rule: str) -> str:
    """Return what readers call a task: its name, and of t0, t1, ... what it means."""
    meaning = meaning_of(rule)
    return f"{name} ({meaning})" if meaning and numbered(name) is not None else name
