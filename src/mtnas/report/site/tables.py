"""The tables of a study: Markdown to look at, and beside it the ledger that says where from."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from mtnas.evidence.records import read_table
from mtnas.report.render.layout import MISSING, TUNED, Table
from mtnas.report.render.writers import ledger, to_markdown
from mtnas.report.site.anchors import anchor
from mtnas.report.site.grids import Grid, document
from mtnas.runtime.files import existing

TEXTS = ("table", "row", "column", "dataset", "method", "variant", "task", "run_folder", "code")
DECIMALS = (4, 3, 2, 0)  # with which a number may be printed


@dataclass(frozen=True)
class Shown:
    """A table or another text of the page, under its heading."""

    id: str
    title: str
    parts: Sequence[Markup | Grid]

    @property
    def datasets(self) -> list[str]:
        """Name the datasets that its columns or rows are of."""
        grids = [part for part in self.parts if isinstance(part, Grid)]
        found = [head.group for grid in grids for head in grid.heads]
        found += [row.dataset for grid in grids for row in grid.rows]
        return list(dict.fromkeys(filter(None, found)))

    @property
    def html(self) -> list[Markup]:
        """Return its parts as HTML."""
        return [part.html() if isinstance(part, Grid) else part for part in self.parts]


class Origins:
    """Where the numbers of a table came from: its ledger, read along with its cells."""

    def __init__(self, lines: pd.DataFrame | None, known: Collection[str]) -> None:
        """Take the ledger of a table, if it has one, and the ids that the page has."""
        self.known = known
        self.lines: dict[tuple[str, str], list[pd.Series]] = defaultdict(list)
        for _, line in () if lines is None else lines.iterrows():
            self.lines[str(line["row"]), str(line["column"])].append(line)

    def link(self, row: str, column: str, text: str) -> tuple[str, str]:
        """Return the run that a printed number is of (or its dataset), and all that is known of it.

        Blocks of a table may have rows and columns of one name: the first that is not taken yet
        and shows the number is its line.
        """
        if text in ("", MISSING):
            return "", ""
        waiting = self._of(row.removesuffix(TUNED).strip(), column)
        line = next((line for line in waiting if shows(text, float(line["value"]))), None)
        if line is None:
            return "", ""
        for place, other in enumerate(waiting):
            if other is line:
                del waiting[place]
                break
        keys = [str(line[key]) for key in ("dataset", "method", "variant") if pd.notna(line[key])]
        ids = (anchor("run", *keys), anchor("dataset", *keys[:1]))
        found = next((f"#{name}" for name in ids if name in self.known), "")
        return found, _told(line)

    def _of(self, row: str, column: str) -> list[pd.Series]:
        """Return the lines of a cell; a group that the caption names is not in the heading."""
        if (row, column) in self.lines:
            return self.lines[row, column]
        ends = [key for key in self.lines if key[0] == row and key[1].endswith(f" {column}")]
        return self.lines[ends[0]] if len(ends) == 1 else []


def shows(text: str, value: float) -> bool:
    """Whether a printed cell begins with a number, at one of the precisions that are printed."""
    found = re.match(r"[+−-]?([\d,]+(?:\.\d+)?)", text)
    return found is not None and found[1] in {
        f"{abs(value):,.{decimals}f}" for decimals in DECIMALS
    }


def _told(line: "pd.Series") -> str:
    """Return such as `results/runs/movielens/mmoe/paper, code 200f519f8e59, 10 seeds`."""
    parts = [str(line["run_folder"])] if pd.notna(line["run_folder"]) else []
    parts += [f"code {line['code']}"] if pd.notna(line["code"]) else []
    parts += [f"{int(line['seeds'])} seeds"] if pd.notna(line["seeds"]) else []
    return ", ".join(parts)


def shown(table: str | Path | Table, known: Collection[str], datasets: Sequence[str] = ()) -> Shown:
    """Return a table for the page: a Markdown file, with its ledger beside it, or a `Table`.

    Raises:
        RecordError: the file is missing.
    """
    if isinstance(table, Table):
        name, text = table.name, to_markdown(table)
        lines: pd.DataFrame | None = ledger(table)
    else:
        path = existing(table)
        beside = path.with_suffix(".cells.csv")
        name, text = path.stem, path.read_text(encoding="utf-8")
        lines = read_table(beside, TEXTS) if beside.is_file() else None
    title, parts = document(text, name, Origins(lines, known).link, datasets)
    return Shown(anchor("table", name), title, parts)
