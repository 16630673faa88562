"""What README and docs show of `results/published`, block by block; `readme` puts them there."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from mtnas.config.entries import PAPER
from mtnas.config.options import RunKey
from mtnas.evidence.exhaustive_table import ExhaustiveRecord, read_ground_truth
from mtnas.evidence.pairing import MTNAS, SINGLE
from mtnas.evidence.records import RUN_COLUMNS, RunRecord, wide
from mtnas.evidence.restarts import counted
from mtnas.evidence.search_record import SearchRecord
from mtnas.report import claims as ledger
from mtnas.report import exhibits
from mtnas.report.names import REFERENCE, Names, dataset_name
from mtnas.report.paper import paper_score
from mtnas.report.published import campaigns, performance, told, transfer
from mtnas.report.published.diagnoses import by_width, measures_told
from mtnas.report.published.store import RESTORE, read_metrics, read_plan, read_runs
from mtnas.report.render import pipes
from mtnas.report.render.layout import TUNED
from mtnas.report.render.style import caption_in
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import advising, read_json
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import LOSSES

COMPARED = (SINGLE, ("share_bottom", PAPER), ("mmoe", PAPER), ("ml_mmoe", PAPER))
REMAKE = f"{RESTORE}, or make it again with `.venv/bin/snakemake rebuild --cores 1`"
ON_THEIR_OWN = ("table1", "table4")  # tables that docs/reproduction.md shows in place
IN_PLACE = (  # figures that it shows in place
    "answer", "figure1", "figure2", "figure3", "figure4", "figure5", "figure6", "figure7",
    "figure7_layers", "search_curves",
)  # fmt: skip

Scores = dict[tuple[str, str, str], pd.DataFrame]
Records = dict[RunKey, RunRecord]


def read_scores(published: Path) -> Scores:
    """Return the test scores of every run that tables show: a row per seed, a column per score."""
    path = published / "metrics.csv.gz"
    metrics = read_metrics(path)
    try:
        metrics = metrics.astype({"seed": int, "value": float})
    except ValueError as error:
        raise RecordError(f"{path}: not a number ({error}); {RESTORE}") from None
    records, found = read_records(published), {}
    for (d, m, v), rows in metrics.groupby(list(RUN_COLUMNS[:3]), sort=False):
        key, training = (str(d), str(m), str(v)), records[str(d), str(m), str(v)].spec.trained
        shown = wide(rows[~rows["metric"].isin(LOSSES)])
        found[key] = counted(shown, rows, training, where=f"{path}: {'/'.join(key)}")
    return found


def read_records(published: Path) -> Records:
    """Return the record of every run, in the order of the tables."""
    return {key: run.record for key, run in read_runs(published).items()}


def headline(published: Path) -> str:
    """Render mean test scores, a line per dataset and score; controls stand behind the search."""
    scores, records, plan = read_scores(published), read_records(published), read_plan(published)
    methods, names = [*COMPARED, MTNAS, *plan.controls], Names.of(plan)
    head = ["Test score", *(names.run(*m) for m in methods), "MTNAS in the paper"]
    rows = []
    for dataset in _with_runs(plan, methods):
        simulated = records[dataset, *MTNAS].simulated
        marks = [TUNED * bool(records[dataset, *m].spec.tuned) for m in methods]
        tasks = {task.name: task for task in told.tasks_of(published, dataset)}
        for column in scores[dataset, *MTNAS].columns:
            means = [f"{scores[dataset, *m][column].mean():.4f}" for m in methods]
            paper = None if simulated else paper_score(dataset, REFERENCE, column)
            printed = "" if paper is None else f"{paper:.4f}"
            title = f"{dataset_name(dataset, simulated)}: {told.score_words(column, tasks)}"
            shown = [f"{mean} {mark}".rstrip() for mean, mark in zip(means, marks, strict=True)]
            rows.append([title, *shown, printed])
    note = f"{TUNED}: options chosen by a grid search on validation (V8)."
    text = pipes.table(head, rows)
    return f"{text}\n\n{note}" if TUNED in text else text


def _with_runs(plan: Plan, rows: Iterable[tuple[str, str]]) -> list[str]:
    """Name the datasets whose main comparison has all of some rows."""
    runs, rows = set(plan.main), list(rows)
    return [name for name in plan.principal if all((name, *row) in runs for row in rows)]


def searched(published: Path) -> str:
    """Render how far each search of the main comparison moved from a uniform choice."""
    plan, lines = read_plan(published), []
    names = Names.of(plan)
    for dataset, method, variant in plan.main_searches:
        path = published / "routes" / dataset / method / f"{variant}.json"
        with advising(RESTORE):
            record = SearchRecord.read(path)
        if record.strategy != "reinforce":
            continue
        blocks = [b for found in record.seeds.values() for b in found.blocks.values()]
        entropy = sum(b.entropy or 0.0 for b in blocks) / len(blocks)
        uniform = sum(b.uniform_entropy or 0.0 for b in blocks) / len(blocks)
        chosen = sorted(b.probability or 0.0 for b in blocks)
        epochs = _epochs(record, published)
        name = dataset_name(dataset, record.simulated)
        if variant != PAPER:
            name = f"{name}, {names.run(method, variant)}"
        lines.append(
            f"* **{name}**: mean entropy of a block {entropy:.3f} of "
            f"{uniform:.3f} nats (uniform); median probability of the chosen local route "
            f"{chosen[len(chosen) // 2]:.3f}, largest {chosen[-1]:.3f}; "
            f"the search is {epochs:.1f} epochs long."
        )
    return "\n".join(lines)


def _epochs(record: SearchRecord, published: Path) -> float:
    """Return how often the steps that a search took go through the training examples."""
    spec, steps = record.spec, record.weight_steps
    if steps is None:
        raise RecordError(
            f"{published}: the search {'/'.join(record.key)} tells no steps; {RESTORE}"
        )
    path = published / "data" / f"{spec.dataset}.json"
    with advising(RESTORE):
        train = read_json(path, ("split_sizes",))["split_sizes"]["train"]
    return float(steps / (train // spec.trained.batch_size))


def runtimes(published: Path) -> str:
    """Render the seconds that the main comparison took, all seeds together, per run.

    A search stands in the row of the variant that made it; others that share it have none.
    """
    plan, records = read_plan(published), read_records(published)
    head = ("Run", "seeds", "dense parameters", "search, s", "training, s", "threads")
    rows, names, datasets = [], Names.of(plan), plan.principal
    for run in plan.main:
        record = records[run]
        if run[0] not in datasets or record.parameters is None:
            continue
        rows.append(
            (
                f"{dataset_name(run[0], record.simulated)}, {names.run(*run[1:])}",
                len(record.spec.seeds),
                f"{record.parameters.dense:,}",
                _search_seconds(published / "routes" / f"{'/'.join(run)}.json"),
                f"{record.timings.train_seconds:.0f}",
                record.timings.threads,
            )
        )
    return pipes.table(head, rows)


def _search_seconds(routes: Path) -> str:
    if not routes.is_file():
        return ""
    with advising(RESTORE):
        return f"{SearchRecord.read(routes).timings.search_seconds:.0f}"


def measured(published: Path) -> str:
    """Render which command measured what, with how many seeds, at which commit."""
    studies: dict[tuple[str, str, int], list[RunKey]] = {}
    for run, record in read_records(published).items():
        studies.setdefault(_study(record, record.spec.seeds), []).append(run)
    rows = []
    for (command, commit, seeds), runs in studies.items():
        counts = {name: [run[0] for run in runs].count(name) for name, _, _ in runs}
        what = ", ".join(f"{dataset_name(name)} {_count(n)}" for name, n in counts.items())
        rows.append((what, seeds, commit, f"`{command}`"))
    for (command, commit, seeds), spaces in _exhaustive_studies(published).items():
        what = "; ".join(f"{name} every route of {', '.join(of)}" for name, of in spaces.items())
        rows.append((what, seeds, commit, f"`{command}`"))
    aligned = (pipes.LEFT, pipes.RIGHT, pipes.LEFT, pipes.LEFT)
    return pipes.table(("Measured", "Seeds", "Commit", "Command"), rows, aligned)


def _exhaustive_studies(published: Path) -> dict[tuple[str, str, int], dict[str, list[str]]]:
    """Return the spaces of each dataset of which every route was trained, by study."""
    studies: dict[tuple[str, str, int], dict[str, list[str]]] = {}
    for path in sorted((published / "exhaustive").glob("*.parquet")):
        for space, record in read_ground_truth(path).records.items():
            spaces = studies.setdefault(_study(record, record.seeds), {})
            spaces.setdefault(dataset_name(path.stem), []).append(space)
    return studies


def _study(record: RunRecord | ExhaustiveRecord, seeds: Sequence[int]) -> tuple[str, str, int]:
    """Return the command and the commit of a record, and the number of its seeds."""
    commit = (record.git.commit or "")[:7]
    return record.study or "", commit or "not recorded", len(seeds)


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def read_table_text(published: Path, name: str) -> str:
    """Return one of the published tables in Markdown."""
    path = published / "tables" / f"{name}.md"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read ({error}); {REMAKE}") from None


def further_tables(published: Path) -> str:
    """List the tables that a page does not show in places of their own, with their data."""
    names = [name for name in _named(published, "table") if name not in ON_THEIR_OWN]
    lines = []
    for name in names:
        title = read_table_text(published, name).splitlines()[0].lstrip("# ")
        place = f"../results/published/tables/{name}"
        lines.append(
            f"* [{title}]({place}.md) ([numbers]({place}.csv), [sources]({place}.cells.csv))"
        )
    return "\n".join(lines) or "Nothing is published of them yet."


def figure(published: Path, name: str) -> str:
    """Render one figure with its caption, for a page in docs; or say that there is none."""
    path = published / "figures" / f"{name}.png"
    if not path.is_file():
        return f"Figure `{name}` is not published yet."
    try:
        caption = caption_in(path)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error}); {REMAKE}") from None
    return f"![{name}](../results/published/figures/{name}.png)\n\n*{name}*: {caption}"


def figures(published: Path) -> str:
    """Render all figures that docs/reproduction.md does not show in places of their own."""
    names = [name for name in _named(published, "figure") if name not in IN_PLACE]
    paths = [name for name in names if (published / "figures" / f"{name}.png").is_file()]
    return "\n\n".join(figure(published, name) for name in paths)


def _named(published: Path, kind: str) -> list[str]:
    """Name the tables or figures of what is published."""
    found = exhibits.planned(read_plan(published))
    return [name for name, exhibit in found.items() if exhibit.kind == kind]


def claims(published: Path) -> str:
    """Render one line per claim of the paper: its verdict and the interval that decides."""
    return ledger.summary(ledger.read_ledger(published / "claims" / "claims.json", RESTORE))


RENDERERS: dict[str, Callable[[Path], str]] = {
    "performance": performance.ratios,
    "claims": claims,
    "headline": headline,
    "answer": told.answer,
    "which_sharing": told.which_sharing,
    "claims_told": told.claims_told,
    "chart": told.chart,
    "tasks": told.tasks,
    "cost": told.cost,
    "searched": searched,
    "runtimes": runtimes,
    "measured": measured,
    "further_tables": further_tables,
    "figures": figures,
    "measures_told": measures_told,
    "sharing_by_width": lambda folder: (
        f"{figure(folder, 'sharing_by_width')}\n\n{by_width(folder)}"
    ),
    "recommended": transfer.recommended,
    "transfer_claims": transfer.transfer_claims,
    "faults": campaigns.faults,
    "hostile": campaigns.hostile,
}
