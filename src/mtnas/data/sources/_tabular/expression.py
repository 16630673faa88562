"""Rules over the columns of a table, such as `rating >= 4`, without running any text as code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from mtnas.data.sources._tabular.parser import ALLOWED, Function, Parser, located
from mtnas.data.sources._tabular.rows import Rows
from mtnas.runtime.errors import ConfigError, unknown


@dataclass(frozen=True)
class Expression:
    """A rule: its text, the columns and the texts that it names, and what it computes."""

    text: str
    columns: tuple[str, ...]
    texts: tuple[str, ...]
    _positions: Mapping[str, int]
    _condition: Function

    @classmethod
    def parse(cls, text: str) -> "Expression":
        """Translate a text; `ConfigError` shows where it is not a rule, and what is allowed."""
        parser = Parser(text)
        condition = parser.condition(parser.tree)
        if not parser.columns:
            raise ConfigError(f"rule `{parser.text}`: names no column; {ALLOWED}")
        columns = tuple(parser.columns)
        return cls(parser.text, columns, tuple(parser.texts), parser.columns, condition)

    def check(self, columns: Iterable[str], where: str) -> None:
        """Refuse a column that is not among those there are."""
        known = list(columns)
        for name in self.columns:
            if name not in known:
                place = located(self.text, self._positions[name])
                raise ConfigError(unknown("column", name, known, f"{where}: {place}"))

    def __call__(
        self, columns: Mapping[str, pa.Array], decimal: str = "."
    ) -> tuple[pa.BooleanArray, Rows]:
        """Return true, false or null for every row, and the rows as they were read."""
        rows = Rows(columns, decimal)
        return self._condition(rows), rows
