"""How a column is read where its own values do not do."""

from dataclasses import dataclass
from typing import Literal

MARK = "\x1f"  # in the name of a column that is read in another way; in no other
What = Literal["number", "flag", "time"]


@dataclass(frozen=True)
class Read:
    """One way in which a column is read; `name` is what the SQL of an expression calls it."""

    column: str
    what: What

    @property
    def name(self) -> str:
        """Return the name of the column that holds the values read."""
        return f"{self.column}{MARK}{self.what}"
