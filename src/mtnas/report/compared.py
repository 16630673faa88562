"""Two runs side by side, in words: which is better at what, and how sure that is."""

import math
from collections.abc import Iterable

from mtnas.evidence.claims.verdicts import margin_of
from mtnas.evidence.pairing import difference, on_common_seeds
from mtnas.evidence.records import Run, scores_by_seed
from mtnas.evidence.statistics import MOST_SEEDS, Difference, holm, seeds_needed, verdict
from mtnas.report.names import column_name, counted
from mtnas.runtime.errors import RecordError
from mtnas.tasks.metrics import direction, in_tables

LEVEL = 0.05


def check_comparable(first: Run, second: Run) -> None:
    """Refuse two runs whose scores are not of the same examples.

    Raises:
        RecordError: another dataset, table or split; or no seed in common.
    """
    ours, other = first.record, second.record
    names = f"{first.folder} and {second.folder}"
    again = "run both again from one configuration"
    if first.folder.resolve() == second.folder.resolve():
        raise RecordError(f"{names} are the same run; name two")
    if ours.spec.dataset != other.spec.dataset:
        raise RecordError(
            f"{names} are of two datasets, {ours.spec.dataset} and {other.spec.dataset}; compare "
            "runs of one"
        )
    if ours.data.content_sha256 != other.data.content_sha256:
        raise RecordError(f"{names}: the prepared table was another one; {again}")
    seeds = sorted(set(ours.spec.seeds) & set(other.spec.seeds))
    if not seeds:
        raise RecordError(
            f"{names} have no seed in common ({_listed(ours.spec.seeds)}; "
            f"{_listed(other.spec.seeds)}); run one again with the `seeds` of the other"
        )
    differ = [seed for seed in seeds if ours.splits.get(seed) != other.splits.get(seed)]
    if ours.data.split_kind != other.data.split_kind or differ:
        raise RecordError(f"{names}: the splits differ (seeds {_listed(differ or seeds)}); {again}")


def compared(first: Run, second: Run) -> str:
    """Return the scores of two runs, their paired differences, and a verdict, as text.

    Raises:
        RecordError: they cannot be compared, or have no score in common.
    """
    check_comparable(first, second)
    a, b = scores_by_seed(first), scores_by_seed(second)
    columns = [name for name in in_tables(a.columns) if name in b.columns]
    if not columns:
        raise RecordError(f"{first.folder} and {second.folder} have no score in common")
    found = {name: difference(a[name], b[name], first.record.resampling) for name in columns}
    names = ["/".join(run.key[1:]) for run in (first, second)]
    if names[0] == names[1]:
        names = [str(run.folder) for run in (first, second)]
    rows = [["score", *names, "difference", "95 % interval, alone", "all together (Holm)"]]
    margins, adjusted = {}, _adjusted(found)
    for name, gain in found.items():
        ours, theirs = on_common_seeds(a[name], b[name])
        margins[name] = margin_of(name, float(theirs.mean()))
        numbers = [f"{ours.mean():.4f}", f"{theirs.mean():.4f}", f"{gain.mean:+.4f}"]
        words = _words(name, gain, margins[name], adjusted.get(name), names)
        rows += [[column_name(name), *numbers, _interval(gain), words]]
    seeds = _listed(set(a.index) & set(b.index))
    simulated = ["SIMULATED DATA"] if first.record.simulated or second.record.simulated else []
    head = f"{first.record.spec.dataset}: {names[0]} minus {names[1]}, test scores, seeds {seeds}"
    of = f"Intervals: {first.record.resampling.words}."
    verdict_ = _verdict(found, margins, adjusted, names)
    return "\n".join([*simulated, head, "", *_aligned(rows), "", of, verdict_])


def _adjusted(found: dict[str, Difference]) -> dict[str, float]:
    """Return the p-values with Holm's correction; a single interval excludes zero too easily."""
    p_values = {name: gain.p_value for name, gain in found.items() if gain.p_value is not None}
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _better(column: str, gain: Difference, names: list[str]) -> str:
    """Name the run with the better mean of a score."""
    return names[0] if (gain.mean > 0) == (direction(column) == "higher") else names[1]


def _words(
    column: str, gain: Difference, margin: float, adjusted: float | None, names: list[str]
) -> str:
    """Say of a score what the verdict says: an interval is of one score, the words of all."""
    if gain.low is None or adjusted is None:
        return "one seed: no interval"
    if adjusted < LEVEL:
        return f"{_better(column, gain, names)} is better"
    if gain.excludes_zero:
        return "undecided; decided if it were the only score"
    if verdict(gain, margin) == "equivalent":
        return f"equal, to within {margin:.2g}"
    return "undecided"


def _verdict(
    found: dict[str, Difference],
    margins: dict[str, float],
    adjusted: dict[str, float],
    names: list[str],
) -> str:
    """Say what holds of all scores together."""
    if not adjusted:
        return "Verdict: one seed in common tells nothing; run both with more `seeds`."
    winners = {n: _better(n, found[n], names) for n, p in adjusted.items() if p < LEVEL}
    scores = f"{counted(len(found), 'score')}, with Holm's correction for that many"
    if winners:
        parts = [
            f"{name} is better in {', '.join(map(column_name, won))}"
            for name in names
            if (won := [column for column, winner in winners.items() if winner == name])
        ]
        return f"Verdict: {'; '.join(parts)} ({scores})."
    if all(verdict(gain, margins[name]) == "equivalent" for name, gain in found.items()):
        return f"Verdict: the two are equal in all {len(found)} scores, to within the margins."
    return f"Verdict: no difference is sure ({scores}). {_seeds(found, margins)}"


def _seeds(found: dict[str, Difference], margins: dict[str, float]) -> str:
    """Say how many seeds show a difference as small as the margin, in the score that asks most."""
    needed = {
        name: seeds_needed(gain.sd or 0.0, gain.resampling, margins[name])
        for name, gain in found.items()
    }
    name = max(needed, key=lambda name: needed[name] or math.inf)
    most, one = needed[name], f"one of {margins[name]:.2g} in {column_name(name)}"
    if most is None:
        return f"To see {one}, it takes more rows ({found[name].resampling.too_few})."
    many = f"about {most:,}" if most < MOST_SEEDS else f"more than {MOST_SEEDS:,}"
    return f"To see {one}, it takes {many} seeds."


def _interval(gain: Difference) -> str:
    return "" if gain.low is None else f"[{gain.low:+.4f}, {gain.high:+.4f}]"


def _listed(seeds: Iterable[int]) -> str:
    """Return seeds as text; a gapless run of them as its ends."""
    numbers = sorted(seeds)
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def _aligned(rows: list[list[str]]) -> list[str]:
    """Set columns below each other: words left, numbers right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ends = {0, len(widths) - 1}
    return [
        "  ".join(
            text.ljust(width) if i in ends else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
