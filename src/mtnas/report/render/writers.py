"""One table, four files: Markdown, LaTeX, CSV to compute with, and the ledger of its cells."""

import re
from itertools import groupby
from pathlib import Path

import pandas as pd

from mtnas.report.render import pipes, sheets
from mtnas.report.render.layout import (
    BELOW,
    CHOSEN,
    FAMILY,
    MISSING,
    SURELY_BELOW,
    TUNED,
    Block,
    Cell,
    Column,
    Row,
    Table,
    printed,
    printed_interval,
    printed_paper,
)
from mtnas.report.render.pipes import escaped
from mtnas.runtime.files import write_text

LEDGER_COLUMNS = (
    *("table", "row", "column", "dataset", "method", "variant", "metric", "task"),
    *("value", "spread", "seeds", "run_folder", "code", "paper_value", "difference"),
    # The interval and p-values of the blocks of differences; empty elsewhere.
    *("low", "high", "p_value", "holm_p"),
)
LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "²": "$^2$",
    MISSING: "--",
    BELOW: r"$^\dagger$",
    SURELY_BELOW: r"$^\ddagger$",
    FAMILY: r"$^\S$",
    TUNED: r"$^\P$",
    CHOSEN: r"$\triangleleft$",
}


def write_table(
    table: Table,
    *,
    csv: str | Path | None = None,
    md: str | Path | None = None,
    tex: str | Path | None = None,
    cells: str | Path | None = None,
    html: str | Path | None = None,
) -> None:
    """Write the files that are named, each atomically."""
    files = {csv: to_csv, md: to_markdown, tex: to_latex, cells: to_ledger, html: to_page}
    for path, render in files.items():
        if path is not None:
            write_text(path, render(table))


def to_markdown(table: Table) -> str:
    """Render headings, pipe tables and notes; gray becomes italic."""
    numbered = re.fullmatch(r"table(\d+)", table.name)
    parts = [f"### {f'Table {numbered[1]}. ' if numbered else ''}{escaped(table.title)}"]
    for block in table.blocks:
        head = [escaped(block.corner), *(_md_head(c, block.title) for c in block.columns)]
        rows = [[escaped(row.title), *map(_md_cell, row.cells)] for row in block.rows]
        parts += [f"#### {escaped(block.title)}"] * bool(block.title) + [
            pipes.table(head, rows, _rule(block))
        ]
    return "\n\n".join(parts + [escaped(note) for note in table.notes]) + "\n"


def _rule(block: Block) -> list[str]:
    """Let numbers stand right, and words left."""
    return [pipes.LEFT, *(pipes.LEFT if c.words else pipes.RIGHT for c in block.columns)]


def to_page(table: Table) -> str:
    """Render what `to_markdown` does as an HTML page of its own."""
    from mtnas.report.render.html import render, to_html  # the workflow is parsed without these

    body = to_html(to_markdown(table))
    return f"{render('exhibit.html.j2', title=table.title, body=body)}\n"


def to_latex(table: Table) -> str:
    """Render one `table` environment per block; needs the packages booktabs and xcolor."""
    blocks = [_latex_block(table, block) for block in table.blocks]
    notes = "\n".join(rf"\par\footnotesize {_tex(note)}" for note in table.notes)
    return "\n\n".join(["% \\usepackage{booktabs,xcolor}", *blocks, notes]) + "\n"


def to_csv(table: Table) -> str:
    """Render the printed grid with full precision: per column its value and what goes with it."""
    rows = [_csv_row(block, row) for block in table.blocks for row in block.rows]
    return sheets.to_csv(pd.DataFrame(rows))


def to_ledger(table: Table) -> str:
    """Render one line per printed number: what, how much, from which run, against the paper."""
    return sheets.to_csv(ledger(table))


def ledger(table: Table) -> pd.DataFrame:
    """Return a row per printed number, with the columns `LEDGER_COLUMNS`."""
    lines = [_ledger_line(table.name, row, column, cell) for row, column, cell in table.cells()]
    frame = pd.DataFrame(lines, columns=list(LEDGER_COLUMNS))
    frame["seeds"] = frame["seeds"].astype("Int64")
    return frame


def _ledger_line(name: str, row: Row, column: Column, cell: Cell) -> dict[str, object]:
    return {
        **{"table": name, "row": row.label, "column": column.title},
        **cell.source.__dict__,
        **{"value": cell.value, "spread": cell.spread, "paper_value": cell.paper},
        **{"difference": cell.gap, "low": cell.low, "high": cell.high},
        **{"p_value": cell.p_value, "holm_p": cell.holm_p},
    }


def _csv_row(block: Block, row: Row) -> dict[str, object]:
    line: dict[str, object] = {"block": block.title, "row": row.label}
    for column, cell in zip(block.columns, row.cells, strict=True):
        line[column.title] = cell.words or cell.value
        extras = {
            **{"sd": cell.spread, "low": cell.low, "high": cell.high},
            **{"paper": cell.paper, "minus paper": cell.gap},
        }
        line |= {f"{column.title} {k}": v for k, v in extras.items() if v is not None}
    return line


def _md_head(column: Column, above: str) -> str:
    """Return group and label; a group that the title above the block names is left out."""
    parts = (column.group * (column.group != above), column.label)
    return "<br>".join(escaped(part) for part in parts if part)


def _md_cell(cell: Cell) -> str:
    text = escaped(printed(cell))
    text = f"**{text}**" if cell.strong else f"*{text}*" if cell.gray else text
    lines = (text, escaped(printed_interval(cell)), escaped(printed_paper(cell)))
    return "<br>".join(filter(None, lines))


def _tex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)


def _tex_cell(cell: Cell) -> str:
    text = _tex(printed(cell))
    if cell.strong:
        text = rf"\textbf{{{text}}}"
    if cell.gray:
        text = rf"\textcolor{{gray}}{{{text}}}"
    interval, paper = _tex(printed_interval(cell)), _tex(printed_paper(cell))
    return " ".join(filter(None, (text, interval, f"({paper})" if paper else "")))


def _tex_column(column: Column) -> str:
    return r"p{0.25\linewidth}" if column.words else "r"


def _latex_block(table: Table, block: Block) -> str:
    groups = [(name, len(list(cs))) for name, cs in groupby(block.columns, lambda c: c.group)]
    over = " & ".join(["", *(rf"\multicolumn{{{n}}}{{c}}{{{_tex(g)}}}" for g, n in groups)])
    labels = " & ".join(map(_tex, [block.corner, *(c.label for c in block.columns)]))
    rows = [" & ".join([_tex(r.title), *map(_tex_cell, r.cells)]) for r in block.rows]
    caption = ". ".join(filter(None, (table.title.rstrip("."), block.title.rstrip("."))))
    body = [r"\toprule", *[over + r" \\"] * any(g for g, _ in groups), labels + r" \\", r"\midrule"]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_tex(caption)}.}}",
            rf"\begin{{tabular}}{{l{''.join(map(_tex_column, block.columns))}}}",
            *body,
            *(f"{row} \\\\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
