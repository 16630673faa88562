"""How a column of texts is read as numbers, flags or times."""

from dataclasses import dataclass
from typing import Literal

MARK = "\x1f"  # in the name of a column that is read in another way; in no other
What = Literal["number", "flag", "time"]


@dataclass(frozen=True)
class Read:
    """A column and what it is read as; the result is a further column, called `name`."""

    column: str
    what: What

    @property
    def name(self) -> str:
        """Return the name of the column that holds the values read."""
        return f"{self.column}{MARK}{self.what}"
