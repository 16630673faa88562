"""Values that could not be read as what they should be, and rows that are left out, by reason."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.sources._tabular import values
from mtnas.runtime.errors import DataError

_LOG = logging.getLogger(__name__)
_MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|"
    "nov(ember)?|dec(ember)?"
)
_REMEDIES = {
    r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}.*": "give its `time_format`, such as '%d.%m.%Y'",
    rf"(?=.*\d)(.*[\W\d])?({_MONTHS})([\W\d].*)?": "give its `time_format`, such as '%d %b %Y'",
    r"[+-]?\d+,\d+|[+-]?\d{1,3}(\.\d{3})+,\d+": "give `decimal: ','` if that is its sign",
    r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?": "take the commas out: `CAST(replace(x, ',', '') AS DOUBLE)`",
    r"\D{0,4}[+-]?\d[\d.,]*\s*\D{0,12}": "take its unit off: "
    "`CAST(regexp_replace(x, '[^0-9.-]', '', 'g') AS DOUBLE)`",
    r"y|n|t|f|yes|no|on|off": "compare it, as in `x = 'yes'`",
    r"\[.*": "take the signs off: `sql: translate(x, '[]''\"', '')`",
}
_DAYS = "a day of a spreadsheet is read by `sql: DATE '1899-12-30' + CAST(floor(x) AS INT)`"
_KEYS = "write the keys alike in both files"
_INNER = "name a key of theirs, as in `column: x.id`, or write one list of texts per row"
Wanted = Literal["number", "time", "row", "text"]
Reasons = list[tuple[str, pa.BooleanArray]]  # why a row may be left out, the first decides


class Tally:
    """Counts the values of columns, and those that could not be read as what they should be."""

    def __init__(self) -> None:
        self._values: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._wanted: dict[str, Wanted] = {}
        self._kept: set[str] = set()

    def add(
        self,
        what: str,
        values_: int,
        wrong: pa.Array,
        wanted: Wanted = "number",
        is_kept: bool = False,
    ) -> None:
        """Count values; `wrong` holds those that could not be read, null elsewhere.

        `what` names the column and what its values should be; `wanted` decides the remedy,
        `is_kept`: the wrong ones are not missing, but stay as texts.
        """
        self._values[what] += values_
        self._wanted[what] = wanted
        self._kept |= {what} if is_kept else set()
        if count := len(wrong) - wrong.null_count:
            self._wrong[what] += count
            first = values.as_text(wrong.drop_null())[0].as_py()
            self._examples.setdefault(what, first[:80])

    def lines(self) -> Iterator[str]:
        """Yield a sentence for every column with wrong values, and one of them."""
        for what, count in self._wrong.items():
            all_ = self._values[what]
            yield f"{what}: {count} of {all_} are not, such as {self._examples[what]!r}"

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for every column whose wrong values stay as texts, with the remedy."""
        for what, text in zip(self._wrong, self.lines(), strict=True):
            if what in self._kept:
                remedy = _remedy(self._wanted[what], self._examples[what])
                yield f"{text}, and stay as texts; {remedy}"

    def check(self, where: str) -> None:
        """Refuse a column most of whose values are wrong; log a warning of any other wrong ones."""
        for (what, count), text in zip(self._wrong.items(), self.lines(), strict=True):
            if 2 * count > self._values[what]:
                remedy = _remedy(self._wanted[what], self._examples[what])
                raise DataError(f"{where}: {text}; {remedy}")
            _LOG.warning("%s: %s", where, text)


def _remedy(wanted: Wanted, example: str) -> str:
    """Say what to do, by the look of a value that could not be read."""
    if wanted in ("row", "text"):
        return _KEYS if wanted == "row" else _INNER
    if wanted == "time" and re.fullmatch(r"\d{1,5}(\.\d+)?", example):
        return _DAYS
    for pattern, remedy in _REMEDIES.items():
        if re.fullmatch(pattern, example, re.IGNORECASE):
            return remedy
    return "correct its type or the expression"


def count_rows(reasons: Reasons, left_out: pa.BooleanArray, dropped: Counter[str]) -> None:
    """Count every row that is left out once, under its first reason."""
    left = left_out
    for reason, rows in reasons:
        hit = pc.and_(left, rows)
        if count := count_of(hit):
            dropped[reason] += count
        left = pc.and_not(left, hit)


def count_of(mask: pa.BooleanArray) -> int:
    """Return how many entries of a mask are true."""
    return int(pc.sum(mask).as_py() or 0)
