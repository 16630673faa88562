"""A table as data, and the one place where a number becomes text.

A `Table` holds blocks of rows of `Cell`s. A cell knows its number at full precision, how it is set
and where it came from; `writers` turns the same cells into Markdown, LaTeX, CSV and the ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["score", "difference", "correlation", "count", "change", "share"]
MISSING = "–"
BELOW, SURELY_BELOW, FAMILY, TUNED, CHOSEN = "†", "‡", "§", "¶", "◂"
DECIMALS = {"score": 4, "difference": 4, "correlation": 3, "count": 0, "change": 0, "share": 2}


@dataclass(frozen=True)
class Source:
    """Where a number came from: the columns of the ledger that say what it is."""

    dataset: str = ""
    method: str = ""
    variant: str = ""
    metric: str = ""
    task: str = ""
    seeds: int | None = None
    run_folder: str = ""
    code: str = ""


@dataclass(frozen=True)
class Cell:
    """One printed cell.

    `spread` is a standard deviation over seeds, `low` and `high` an interval; `strong` is set
    bold, `gray` gray, and `mark` is one of the signs explained in the table's notes. The paper's
    number goes to the ledger, and into the cell unless a row of its own shows it. `words` stand in
    place of a number.
    """

    value: float | None = None
    kind: Kind = "score"
    spread: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    holm_p: float | None = None
    paper: float | None = None
    paper_in_cell: bool = True
    strong: bool = False
    gray: bool = False
    mark: str = ""
    words: str = ""
    source: Source = field(default_factory=Source)

    @property
    def gap(self) -> float | None:
        """Return ours less the paper's number, if both are there."""
        return None if self.paper is None or self.value is None else self.value - self.paper

    def marked(self, *, gray: bool = False, mark: str = "") -> "Cell":
        """Return the same number set differently."""
        return replace(self, strong=False, gray=gray, mark=mark)


@dataclass(frozen=True)
class Column:
    """A column heading: the group (a dataset) over the label; `words`: of cells that hold words."""

    label: str
    group: str = ""
    words: bool = False

    @property
    def title(self) -> str:
        """Return both on one line."""
        return f"{self.group} {self.label}".strip()


@dataclass(frozen=True)
class Row:
    """One row: its label and one cell per column; `mark` is printed behind the label."""

    label: str
    cells: tuple[Cell, ...]
    mark: str = ""

    @property
    def title(self) -> str:
        """Return the label with its mark."""
        return f"{self.label} {self.mark}".rstrip()


@dataclass(frozen=True)
class Block:
    """One grid of a table; `corner` heads the row labels."""

    title: str
    corner: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"{self.title}, row {row.label!r}: {len(row.cells)} cells for "
                    f"{len(self.columns)} columns"
                )


@dataclass(frozen=True)
class Table:
    """A named table: blocks under one title, notes below."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()

    def cells(self) -> Iterator[tuple[Row, Column, Cell]]:
        """Walk over all cells that hold a number, block by block."""
        for block in self.blocks:
            for row in block.rows:
                for column, cell in zip(block.columns, row.cells, strict=True):
                    if cell.value is not None:
                        yield row, column, cell


def number(value: float | None, kind: Kind = "score") -> str:
    """Format one number: fixed decimals by kind, a sign for differences, a true minus."""
    if value is None:
        return MISSING
    decimals = DECIMALS[kind]
    if kind == "count":
        text = f"{value:,.0f}"
    elif kind == "change":
        text = f"{value:+,.0f}" if value else "0"
    elif kind == "difference":
        text = f"{value:+.{decimals}f}"
    else:
        text = f"{value:.{decimals}f}"
    return text.replace("-", "−")


def signed(value: float, kind: Kind) -> str:
    """Format a difference of two numbers of a kind: as many decimals, and its sign."""
    return f"{value:+,.{DECIMALS[kind]}f}".replace("-", "−")


def printed(cell: Cell) -> str:
    """Return what a cell shows first, without any markup: value, spread, mark."""
    text = cell.words or number(cell.value, cell.kind)
    if cell.spread is not None:
        text += f" ± {number(cell.spread)}"
    return text + cell.mark


def printed_interval(cell: Cell) -> str:
    """Return the interval of a difference, and of a correlation that has one, or nothing."""
    if cell.kind not in ("difference", "correlation") or cell.value is None:
        return ""
    if cell.kind == "correlation" and cell.low is None:
        return ""
    if cell.low is None or cell.high is None:
        return "[no interval]"
    return f"[{number(cell.low, cell.kind)}, {number(cell.high, cell.kind)}]"


def printed_paper(cell: Cell) -> str:
    """Return the paper's number of a cell and ours less it as text, or an empty string."""
    if cell.paper is None or not cell.paper_in_cell:
        return ""
    text = f"paper {number(cell.paper, cell.kind)}"
    return text if cell.gap is None else f"{text} ({signed(cell.gap, cell.kind)})"
