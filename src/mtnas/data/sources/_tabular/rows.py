"""The columns of some rows, as a rule reads them."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.sources._tabular.values import as_flag, as_number, as_text


class Rows:
    """The columns of some rows as a rule reads them, and which of their values it could not use."""

    def __init__(self, columns: Mapping[str, pa.Array], decimal: str = ".") -> None:
        self._columns, self._decimal = columns, decimal
        self.wrong: dict[str, pa.BooleanArray] = {}

    def missing(self, name: str) -> pa.BooleanArray:
        """Tell where a column has no value."""
        return pc.is_null(self._columns[name])

    def text(self, name: str) -> pa.StringArray:
        """Return a column as text."""
        return as_text(self._columns[name])

    def number(self, name: str) -> pa.DoubleArray:
        """Return a column as numbers; what is not one is missing, and marked as wrong."""
        return self._marked(name, *as_number(self._columns[name], self._decimal))

    def flag(self, name: str) -> pa.BooleanArray:
        """Return a column of 0/1 or true/false; what is neither is missing, and marked as wrong."""
        return self._marked(name, *as_flag(self._columns[name]))

    def _marked(self, name: str, values: pa.Array, wrong: pa.BooleanArray) -> pa.Array:
        before = self.wrong.get(name)
        self.wrong[name] = wrong if before is None else pc.or_(before, wrong)
        return values
