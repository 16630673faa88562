"""One HTML file with everything: tables, figures, data, runs. It asks the network for nothing."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.records import Run, Timings, read_run
from mtnas.report.audit_facts import read_audit
from mtnas.report.audit_text import warnings_of
from mtnas.report.left_out import left_out
from mtnas.report.names import SIMULATED, Names, dataset_name
from mtnas.report.render.html import WORDS, render, to_html
from mtnas.report.render.layout import Table, number
from mtnas.report.render.writers import to_markdown
from mtnas.runtime.files import existing, write_text

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
    sharing: Sequence[str | Path] = (),
    tables: Sequence[str | Path | Table] = (),
    figures: Sequence[str | Path] = (),
    run_folders: Sequence[str | Path] = (),
    titles: Mapping[str, str] | None = None,
    manifests: Sequence[str | Path] = (),
    audits: Sequence[str | Path] = (),
    findings: Sequence[str | Path] = (),
) -> None:
    """Write one self-contained HTML file.

    `sharing` are tables and figures, as files, of which tasks should share; they come first.
    `tables` are Markdown files or `Table`s, `claims` and `audits` Markdown files, `findings` the
    JSON files of the same audits; `figures` are PNG files with captions (`style.save_figure`).

    Raises:
        RecordError: a file that was named is missing, or a run or manifest is incomplete.
    """
    data = [Manifest.read(path) for path in manifests]
    runs = [read_run(folder) for folder in run_folders]
    page = render(
        "report.html.j2",
        title=TITLE,
        style=Markup(STYLE.read_text(encoding="utf-8")),
        mark=SIMULATED,
        **_about(data, runs),
        **_told(data, findings),
        sections=[
            ("How to read this", [to_html(HOW_TO_READ)]),
            ("Should these tasks share?", [_shown(path) for path in sharing]),
            ("Claims", [] if claims is None else [_table(claims)]),
            ("Tables", [_table(table) for table in tables]),
            ("Figures", [_figure(path) for path in figures]),
            ("Data", _data(data)),
            ("Audit of the data", [_table(path) for path in audits]),
            ("Runs", _runs(runs, Names(titles or {}))),
        ],
    )
    write_text(html_path, f"{page}\n")


def _about(data: Sequence[Manifest], runs: Sequence[Run]) -> dict[str, object]:
    """Return how many runs there are, and the names of all simulated datasets."""
    counts = f"{len(runs)} runs on {len({run.key[0] for run in runs})} data sets."
    simulated = {m.dataset for m in data if m.simulated}
    simulated |= {run.key[0] for run in runs if run.record.simulated}
    return {
        "counts": counts if runs else "No runs.",
        "simulated": [dataset_name(name) for name in sorted(simulated)],
    }


def _table(table: str | Path | Table) -> Markup:
    return to_html(to_markdown(table) if isinstance(table, Table) else _read(table).decode())


def _shown(path: str | Path) -> Markup:
    """Return a table or a figure, whichever the file holds."""
    return _figure(path) if Path(path).suffix == ".png" else _table(path)


def _figure(path: str | Path) -> Markup:
    """Return a figure as a data URI with the caption that its file carries."""
    image = base64.b64encode(_read(path)).decode()
    with Image.open(path) as opened:
        caption = str(opened.info.get("Description", ""))
    caption = caption or Path(path).stem.replace("_", " ")
    return render("figure.html.j2", image=image, caption=caption)


def _read(path: str | Path) -> bytes:
    return existing(path).read_bytes()


def _grid(
    heads: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[str]
) -> list[Markup]:
    """Return a table of plain text cells, none without rows; `words` names columns with words."""
    corner, *columns = heads
    kinds = [WORDS if column in words else "" for column in columns]
    table = {"corner": corner, "columns": columns, "kinds": kinds, "rows": rows}
    return [render("table.html.j2", **table)] if rows else []


def _data(manifests: Sequence[Manifest]) -> list[Markup]:
    """Return one line per dataset: rows, tasks with their rules and rates, fields."""
    rows = []
    for m in manifests:
        tasks = (
            f"{task.name}: {task.rule}"
            + (f" ({m.label_rates[task.name]:.1%} positive)" if task.name in m.label_rates else "")
            for task in m.tasks
        )
        fields = ", ".join(entry.name for entry in m.fields)
        count = number(m.rows, "count")
        if lost := sum(m.rows_dropped.values()):
            count += f" ({number(lost, 'count')} more were left out)"
        title = dataset_name(m.dataset, m.simulated)
        rows.append((title, m.title, count, _split(m), "; ".join(tasks), fields))
    words = ("Title", "Split", "Tasks", "Fields")
    return _grid(("Data set", "Title", "Rows", "Split", "Tasks", "Fields"), rows, words)


def _told(data: Sequence[Manifest], findings: Sequence[str | Path]) -> dict[str, object]:
    """Return by dataset what it lacks and what is suspicious, in sentences, and who has none."""
    found = {m.dataset: (dataset_name(m.dataset, m.simulated), left_out(m)) for m in data}
    for audit in map(read_audit, findings):
        found[audit["dataset"]][1].extend(warnings_of(audit))
    return {
        "told": {name: sentences for name, sentences in found.values() if sentences},
        "complete": [name for name, sentences in found.values() if not sentences],
    }


def _split(manifest: Manifest) -> str:
    """Say by what the rows are split, and whether a seed can move it."""
    kind = manifest.split_kind
    return "random" if kind == "random" else f"fixed, by {kind} ({manifest.split_column})"


def _runs(runs: Sequence[Run], names: Names) -> list[Markup]:
    """Return one line per run: seeds, parameters, time, code."""
    rows = []
    for run in runs:
        dataset, method, variant = run.key
        counts = run.record.parameters
        sizes = (counts.dense, counts.embedding) if counts else (None, None)
        rows.append(
            (
                dataset_name(dataset, run.record.simulated),
                names.run(method, variant),
                str(run.metrics["seed"].nunique()),
                *(number(size, "count") for size in sizes),
                timing(run.record.timings),
                (run.record.code or "")[:12],
            )
        )
    heads = ("Data set", "Method", "Seeds", "Dense parameters", "Embedding parameters")
    return _grid((*heads, "Time", "Code"), rows, words=("Method",))


def timing(timings: Timings) -> str:
    """Return such as `train 12.3 s, total 14.0 s`."""
    return f"train {timings.train_seconds:.1f} s, total {timings.total_seconds:.1f} s"
