"""What stops a preparation once all rows were read, and what it warns of."""

import math
from collections import Counter
from collections.abc import Iterator

from mtnas.data.prepare.fields import HashedInput, NumberInput
from mtnas.data.prepare.manifest import Repeated
from mtnas.data.prepare.summary import Seen
from mtnas.data.sources.base import Dataset
from mtnas.runtime.errors import DataError

_MANY = 0.1  # a share of repeated rows that may mislead
_REASONS = 3  # that an error names


def check_rows(dataset: Dataset, seen: Seen, allow_lost: float | None) -> None:
    """Refuse a table without rows or with too few of those read, and one that teaches nothing."""
    if seen.rows == 0:
        why = dict(sorted(dataset.dropped.items())) or "none"
        raise DataError(f"dataset {dataset.name!r}: no rows; dropped: {why}")
    limit = dataset.allow_lost if allow_lost is None else allow_lost
    for where, rows, dropped in _by_source(dataset, seen):
        if dropped.total() > limit * (rows + dropped.total()):
            raise DataError(f"{where}: {_too_few(dataset, rows, dropped, limit)}")
    for label in seen.labels:
        if fault := label.fault():
            raise DataError(f"dataset {dataset.name!r}: {fault}")
    for item in seen.inputs:
        if isinstance(item, NumberInput) and item.missing == seen.rows:
            raise DataError(
                f"dataset {dataset.name!r}: field {item.name!r} has no number in any of "
                f"{seen.rows} rows; check column {item.field.column!r}, or drop the field"
            )


def _by_source(dataset: Dataset, seen: Seen) -> Iterator[tuple[str, int, Counter[str]]]:
    """Yield what rows are of, how many there are, and those left out, by reason."""
    if not dataset.dropped_of:
        yield f"dataset {dataset.name!r}", seen.rows, dataset.dropped
    for number, name in enumerate(dataset.source_names):
        if name in dataset.dropped_of:
            rows = 0 if seen.source is None else int((seen.source == number).sum())
            yield f"dataset {dataset.name!r}: source {name!r}", rows, dataset.dropped_of[name]


def _too_few(dataset: Dataset, rows: int, dropped: Counter[str], limit: float) -> str:
    """Say how many rows were left out, why, and which key allows it."""
    lost, read = dropped.total(), rows + dropped.total()
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common(_REASONS))
    more = len(dropped) - _REASONS
    reasons += f", {more} more reasons" if more > 0 else ""
    enough = math.ceil(100 * lost / read) / 100
    where = "its file" if dataset.definition is not None else f"dataset_options.{dataset.name}"
    return (
        f"{lost} of {read} rows read were left out ({lost / read:.1%}), "
        f"at most {limit:.0%} is allowed: {reasons}; correct the source files or how they are "
        f"read, or say in {where} that it is meant: `allow_lost: {enough:g}`"
    )


def warnings_of(dataset: Dataset, seen: Seen) -> list[str]:
    """Return what may mislead in the fields and labels of a table, a sentence each."""
    found = list(dataset.warnings)
    for item in seen.hashed:
        found += _of_field(item, seen.rows)
    found += [
        f"field {item.name}: its numbers lie too near to each other for 32 bits, which round them; "
        "take an offset off in its `sql`"
        for item in seen.inputs
        if isinstance(item, NumberInput) and item.is_too_near
    ]
    found += [
        f"field {item.name}: {text}"
        for item in seen.inputs
        if isinstance(item, NumberInput)
        for text in item.codes.told()
    ]
    found += [text for label in seen.labels for text in label.warnings()]
    return found + seen.groups.warnings()


def _of_field(item: HashedInput, rows: int) -> list[str]:
    found, count = [], len(item.values.ids)
    if count == 1:
        found.append(f"field {item.name} has one value only; drop it")
    elif count == rows and item.field.kind not in ("id", "list"):
        found.append(
            f"field {item.name} has another value in every row: nothing learned from it holds for "
            "other rows; drop it, or give it buckets"
        )
    number, spellings = item.spelt_twice()
    if number and item.field.kind != "list":  # whose members may be words
        example = f", such as {' and '.join(map(repr, spellings))}" if spellings else ""
        found.append(
            f"field {item.name}: {number} numbers stand there in spellings that differ in zeros"
            f"{example}, and count as different values; read it as a `number`, or write "
            "them alike in all files"
        )
    return found


def warnings_of_repeated(repeated: Repeated) -> list[str]:
    """Return a sentence if many rows are equal."""
    rows, tests = repeated.rows.rate, repeated.test_rows_with_same_labels.rate
    if max(rows, tests) <= _MANY:
        return []
    return [
        f"{rows:.0%} of the rows repeat another one in all fields and labels, {tests:.0%} of the "
        "test rows one of training: scores may be better than on new rows; leave them out, or add "
        "a field that tells them apart"
    ]
