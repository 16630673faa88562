"""One HTML file with everything: tables, figures, data, runs. It asks the network for nothing."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from mtnas.evidence.records import Run, read_run
from mtnas.report.data_tables import read_manifest
from mtnas.report.layout import Table, number
from mtnas.report.markdown import to_html
from mtnas.report.names import SIMULATED, dataset_name, method_name
from mtnas.report.writers import to_markdown
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import remake, write_text

TITLE = "Boosting Share Routing for Multi-task Learning, reproduced"
HOW_TO_READ = """\
Every score is the **mean ± standard deviation over n seeds** on the test split. A seed moves both \
the split of the data and the initialisation, so the spread holds both, unless the split is fixed \
(see Data): then it holds the initialisation only. Selection uses the validation split only.

Methods share the split and the batch order of a seed, so they are compared **seed by seed**. A \
difference comes with its **95 % paired interval**: while the interval includes zero, these seeds \
do not show a difference, however the means are ordered.

Gray italic numbers are worse than the single-task model (**negative transfer**): † in the mean \
only, ‡ where the paired interval excludes zero. Numbers marked 'paper' are those printed in the \
paper, which gives single values without seeds or spread.
"""
STYLE = Path(__file__).with_name("report.css")


def write_report(
    html_path: str | Path,
    *,
    claims: str | Path | None = None,
    tables: Sequence[str | Path | Table] = (),
    figures: Sequence[str | Path] = (),
    run_folders: Sequence[str | Path] = (),
    manifests: Sequence[str | Path] = (),
    audits: Sequence[str | Path] = (),
) -> None:
    """Write one self-contained HTML file.

    `tables` are Markdown files or `Table`s, `claims` and `audits` Markdown files; `figures` are
    PNG files, whose captions are read from the files themselves (`style.save_figure`).

    Raises:
        RecordError: a file that was named is missing, or a run or manifest is incomplete.
    """
    data = [read_manifest(path) for path in manifests]
    runs = [read_run(folder) for folder in run_folders]
    sections = [
        ("How to read this", to_html(HOW_TO_READ)),
        ("Claims", "" if claims is None else _table(claims)),
        ("Tables", "\n".join(map(_table, tables))),
        ("Figures", "\n".join(map(_figure, figures))),
        ("Data", _data(data)),
        ("Audit of the data", "\n".join(map(_table, audits))),
        ("Runs", _runs(runs)),
    ]
    body = "\n".join(
        f'<section class="{name.split()[0].lower()}">\n<h2>{name}</h2>\n{content}\n</section>'
        for name, content in sections
        if content
    )
    write_text(html_path, _page(_lead(data, runs) + body))


def _page(body: str) -> str:
    """Return the whole document; the policy forbids the browser to load anything from outside."""
    style = STYLE.read_text(encoding="utf-8")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(TITLE)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(TITLE)}</h1>\n{body}\n</body>\n</html>\n"
    )


def _lead(data: Sequence[dict[str, Any]], runs: Sequence[Run]) -> str:
    """Say in one line what is below, and first of all if any of it is simulated."""
    simulated = {m["dataset"] for m in data if m["simulated"]}
    simulated |= {run.key[0] for run in runs if run.record.simulated}
    names = ", ".join(dataset_name(name) for name in sorted(simulated))
    counts = f"{len(runs)} runs on {len({run.key[0] for run in runs})} data sets."
    lead = f'<p class="note">{counts if runs else "No runs."}</p>\n'
    if simulated:
        lead += f'<p class="warning">{SIMULATED}: {html.escape(names)}.</p>\n'
    return lead


def _table(table: str | Path | Table) -> str:
    text = to_markdown(table) if isinstance(table, Table) else _read(table).decode()
    return to_html(text)


def _figure(path: str | Path) -> str:
    """Return a figure as a data URI with the caption that its file carries."""
    image = base64.b64encode(_read(path)).decode()
    with Image.open(path) as opened:
        caption = str(opened.info.get("Description", ""))
    caption = caption or Path(path).stem.replace("_", " ")
    return (
        f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{image}">\n'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _read(path: str | Path) -> bytes:
    if not Path(path).is_file():
        raise RecordError(f"{path}: missing; run `{remake(path)}`")
    return Path(path).read_bytes()


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of plain text cells."""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    lines = (
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(text)}</td>" for text in rest)
        + "</tr>"
        for first, *rest in rows
    )
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table class="text"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _data(manifests: Sequence[dict[str, Any]]) -> str:
    """Return one line per dataset: rows, tasks with their rules and rates, fields."""
    if not manifests:
        return ""
    rows = []
    for m in manifests:
        rates = m.get("label_rates", {})
        tasks = (
            (f"t{i}" if task["name"] == f"t{i}" else f"t{i} ({task['name']})")
            + f": {task['rule']}"
            + (f" ({rates[f't{i}']:.1%} positive)" if rates.get(f"t{i}") is not None else "")
            for i, task in enumerate(m["tasks"])
        )
        title = dataset_name(m["dataset"], m["simulated"])
        fields = ", ".join(entry["name"] for entry in m["fields"])
        count = number(m.get("rows") or sum(m["split_sizes"].values()), "count")
        if broken := sum(m.get("rows_dropped", {}).values()):
            count += f" ({number(broken, 'count')} broken lines left out)"
        rows.append((title, str(m.get("title", "")), count, _split(m), "; ".join(tasks), fields))
    return _grid(("Data set", "Title", "Rows", "Split", "Tasks", "Fields"), rows)


def _split(manifest: dict[str, Any]) -> str:
    """Say by what the rows are split, and whether a seed can move it."""
    kind = manifest.get("split_kind", "random")
    return "random" if kind == "random" else f"fixed, by {kind} ({manifest['split_column']})"


def _runs(runs: Sequence[Run]) -> str:
    """Return one line per run: seeds, parameters, time, code."""
    if not runs:
        return ""
    rows = []
    for run in runs:
        dataset, method, variant = run.key
        counts = run.record.parameters
        sizes = (counts.dense, counts.embedding) if counts else (None, None)
        rows.append(
            (
                dataset_name(dataset, run.record.simulated),
                method_name(method, variant),
                str(run.metrics["seed"].nunique()),
                *(number(size, "count") for size in sizes),
                timing(run.record.timings.model_dump()),
                (run.record.code or "")[:12],
            )
        )
    heads = ("Data set", "Method", "Seeds", "Dense parameters", "Embedding parameters")
    return _grid((*heads, "Time", "Code"), rows)


def timing(timings: dict[str, Any]) -> str:
    """Return such as `train 12.3 s, total 14.0 s`: the entries named `..._seconds`."""
    seconds = {k.removesuffix("_seconds"): v for k, v in timings.items() if k.endswith("_seconds")}
    return ", ".join(f"{key.replace('_', ' ')} {value:.1f} s" for key, value in seconds.items())
