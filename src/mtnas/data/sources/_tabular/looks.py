"""Warnings of texts that are probably not meant as they are read: `NA`, quotes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.sources._tabular.definition import SourceDefinition

_NOTHING = ("none", "<na>", "nat", "n/a", "na", "nan", "null", "nil", "#n/a", "-", "--", "missing")
_EXPONENT = r"^-?[0-9](\.[0-9]+)?[eE]\+[0-9]+$"
Clean = Callable[[Sequence[pa.StringArray]], Sequence[pa.DictionaryArray]]
_WORDS, _LONGEST = pa.array(_NOTHING), max(map(len, _NOTHING))


class Looks:
    """Counts words for nothing and values in quotes in columns of text."""

    def __init__(self, source: SourceDefinition) -> None:
        self._may_be_quoted = source.quote is None and source.reading.is_text_table
        self._nothing: Counter[str] = Counter()
        self._quoted: Counter[str] = Counter()
        self._words: dict[str, str] = {}
        self._names = {  # columns whose values are texts, whatever they look like
            own.column or field
            for field, own in source.fields.items()
            if own.type in ("category", "id") and own.sql is None
        }
        self._short: Counter[str] = Counter()
        self._numbers: dict[str, str] = {}
        self._may_be_namibia = "NA" in source.missing
        self._missing: Counter[str] = Counter()
        self._present: set[str] = set()  # columns with a value
        self._no_codes: set[str] = set()  # columns with values that are not two capital letters

    def see(self, column: str, values: pa.StringArray, counts: pa.Int64Array, missing: int) -> None:
        """Look at different values of a column; `counts` says how often each is there.

        So many rows are `missing`.
        """
        self._missing[column] += missing
        self._present |= {column} if len(values) else set()
        if not pc.all(pc.match_substring_regex(values, "^[A-Z]{2}$")).as_py():
            self._no_codes.add(column)
        lengths = pc.binary_length(values)
        short = pc.less_equal(lengths, _LONGEST)
        words, times = values.filter(short), counts.filter(short)
        nothing = pc.is_in(pc.utf8_lower(words), _WORDS)
        if count := pc.sum(times.filter(nothing)).as_py():
            self._nothing[column] += count
            first = pc.min(words.filter(nothing)).as_py()
            self._words[column] = min(first, self._words.get(column, first))
        if column in self._names:
            self._see_exponents(column, values, counts)
        if self._may_be_quoted:
            quoted = pc.and_(pc.starts_with(values, '"'), pc.ends_with(values, '"'))
            quoted = pc.and_(quoted, pc.greater(lengths, 1))
            self._quoted[column] += pc.sum(counts.filter(quoted)).as_py() or 0

    def _see_exponents(self, column: str, values: pa.StringArray, counts: pa.Int64Array) -> None:
        """Count names that a spreadsheet took for numbers, such as 1.95E+08."""
        may = pc.or_(pc.match_substring(values, "E+"), pc.match_substring(values, "e+"))
        if pc.any(may).as_py():
            short = pc.match_substring_regex(values, _EXPONENT)
            if count := pc.sum(counts.filter(short)).as_py():
                self._short[column] += count
                self._numbers.setdefault(column, values.filter(short)[0].as_py())

    def encoded(
        self, batch: pa.RecordBatch, columns: Mapping[str, str], clean: Clean
    ) -> pa.RecordBatch:
        """Look at columns of a chunk; return it with their different texts encoded as such.

        `columns` says how they are called in the chunk; `clean` encodes texts.
        """
        found = clean([batch[key] for key in columns.values()])
        for (column, key), encoded in zip(columns.items(), found, strict=True):
            places = encoded.indices.drop_null().to_numpy()
            counts = np.bincount(places, minlength=len(encoded.dictionary))
            self.see(column, encoded.dictionary, pa.array(counts), encoded.null_count)
            batch = batch.set_column(batch.schema.get_field_index(key), key, encoded)
        return batch

    def warnings(self, columns: Iterable[str]) -> Iterator[str]:
        """Yield a sentence for every column with words for nothing, or with quotes."""
        for column in dict.fromkeys(columns):
            if count := self._nothing[column]:
                yield (
                    f"column {column!r}: {count} values are words for nothing, such as "
                    f"{self._words[column]!r}, and are taken as values; add them to `missing` if "
                    "they mean that there is none"
                )
            if count := self._short[column]:
                yield (
                    f"column {column!r}: {count} values are written with an exponent, such as "
                    f"{self._numbers[column]!r}, as spreadsheets write long numbers: several may "
                    "be one; get the file as it was before"
                )
            count = self._missing[column]
            if self._may_be_namibia and count and column in self._present - self._no_codes:
                yield (
                    f"column {column!r}: all values are codes of two letters, and {count} rows "
                    "have none: if NA is a code (Namibia), give a list `missing` without it"
                )
            if count := self._quoted[column]:
                yield (
                    f"column {column!r}: {count} values are in double quotes, which are kept; give "
                    "`quote: '\"'` if they are not part of them"
                )
