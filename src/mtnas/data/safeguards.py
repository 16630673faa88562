"""When a file of the paper's datasets is refused: what is lost is counted, and most never is.

These are the safeguards that tables of a YAML file have, for files that DuckDB does not read as
they are meant (docs/data.md).
"""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.engine.source import Losses
from mtnas.runtime.errors import DataError


class Lines(Losses):
    """The lines of one file: those that are read, and what is lost, which `dropped` counts."""

    def __init__(self, path: Path, dropped: Counter[str], fix: str) -> None:
        super().__init__(path, path.name)
        self.read, self._dropped, self._fix = 0, dropped, fix

    def end(self) -> None:
        """Refuse a file most of whose lines cannot be read; tell the dataset of the others."""
        why = next((reason for reason, _ in self.counts.most_common(1)), "")
        why = why.removeprefix(f"{self.label}: ")
        self.check(self.read, f"cannot be read (mostly: {why})", self._fix)
        self._dropped.update(self.counts)


class Values:
    """The values of one column that should be of a kind, of those that there are."""

    def __init__(self, path: Path, column: str, what: str) -> None:
        self._path, self._column, self._what = path, column, what
        self._present = self._wrong = 0
        self._example = ""

    def add(self, text: str, is_sound: bool) -> None:
        """Count a value that is there."""
        self._present += 1
        if not is_sound:
            self._wrong += 1
            self._example = self._example or text[:40]

    def check(self, replaced: Counter[str], fix: str) -> None:
        """Count the wrong ones in `replaced`; refuse a column most of whose values are wrong."""
        if 2 * self._wrong > self._present:
            raise DataError(
                f"{self._path}: {self._column} is no {self._what} in {self._wrong} of "
                f"{self._present} lines that have one, such as {self._example!r}; {fix}"
            )
        if self._wrong:
            replaced[f"{self._path.name}: {self._column} is no {self._what}"] += self._wrong


class Partners:
    """The rows that look for a partner in another file, and those that find none."""

    def __init__(self, path: Path, name: str, key: str) -> None:
        self._path, self._name, self._key = path, name, key
        self._rows = self._alone = 0
        self._example = ""

    def add(self, keys: pa.Array, index: pa.Array) -> None:
        """Count rows: their keys, and the row of the partner, null where there is none."""
        self._rows += len(index)
        self._alone += index.null_count
        if index.null_count and not self._example:
            self._example = keys.filter(pc.is_null(index))[0].as_py()

    def check(self, unmatched: Counter[str], fix: str) -> None:
        """Count rows without a partner in `unmatched`; refuse a file in which most find none."""
        if 2 * self._alone > self._rows:
            raise DataError(
                f"{self._path}: {self._alone} of {self._rows} rows have no partner there by "
                f"{self._key}, such as {self._example!r}: their fields would be unknown; {fix}"
            )
        if self._alone:
            unmatched[self._name] += self._alone
