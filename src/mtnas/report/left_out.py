"""What of the raw data is not in a prepared table as it stands there, and why: in sentences."""

from collections.abc import Mapping

from mtnas.data.prepare.manifest import Manifest, Repeated


def left_out(facts: Manifest) -> list[str]:
    """Say what was left out, replaced, unmatched and repeated, and what preparing warned of.

    Returns:
        Plain sentences with what the raw data hold in them, so to be escaped; none if all is there.
    """
    read = facts.rows + sum(facts.rows_dropped.values())
    read = read if facts.rows_read is None else facts.rows_read
    return [
        *_rows(facts.rows_dropped, read),
        *_values(facts.values_replaced),
        *(_unmatched(join, rows, facts.rows) for join, rows in _found(facts.unmatched).items()),
        *_repeated(facts.repeated),
        *facts.warnings,
    ]


def _rows(dropped: Mapping[str, int], read: int) -> list[str]:
    lost = sum(dropped.values())
    return [
        f"Of {read:,} rows {lost:,} ({percent(lost / max(read, 1))}) were left out: "
        f"{_causes(dropped)}."
    ] * bool(lost)


def _values(replaced: Mapping[str, int]) -> list[str]:
    values = sum(replaced.values())
    noun, verb = ("value", "counts") if values == 1 else ("values", "count")
    return [
        f"{values:,} {noun} could not be read and {verb} as missing: {_causes(replaced)}."
    ] * bool(values)


def _unmatched(join: str, rows: int, of: int) -> str:
    noun = "row has" if rows == 1 else "rows have"
    return (
        f"{rows:,} {noun} no partner in {join} ({percent(rows / max(of, 1))}): what comes from "
        "there is missing."
    )


def _repeated(repeated: Repeated | None) -> list[str]:
    if repeated is None or not repeated.rows.count:
        return []
    rows, tests = repeated.rows, repeated.test_rows_with_same_labels
    noun = "row repeats" if rows.count == 1 else "rows repeat"
    return [
        f"{rows.count:,} {noun} another one in all fields and labels ({percent(rows.rate)}); of "
        f"the test rows of the stored split {percent(tests.rate)} have such a twin in training."
    ]


def percent(share: float) -> str:
    """Return such as `26 %`, with one decimal below 10 %; nothing but 0 is shown as 0."""
    if 0 < share < 0.001:
        return "below 0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def _causes(counts: Mapping[str, int]) -> str:
    """Return such as `no number (300), too few columns (10)`, the most frequent first."""
    ordered = sorted(_found(counts).items(), key=lambda entry: -entry[1])
    return ", ".join(f"{cause} ({count:,})" for cause, count in ordered)


def _found(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
