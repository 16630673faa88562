"""The sections of the page, and what they are filled with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markupsafe import Markup

from mtnas.config.options import RunKey
from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.records import Run, read_run, scores_by_seed
from mtnas.evidence.search_record import SearchRecord
from mtnas.report.claims import RULE, read_ledger
from mtnas.report.names import Names, dataset_name
from mtnas.report.render.html import render, to_html
from mtnas.report.render.layout import Table
from mtnas.report.runs import Results, ScoredRun
from mtnas.report.searched import Searched, read_searches
from mtnas.report.site import answers, claims, datasets, diagnoses, runs
from mtnas.report.site.anchors import anchor
from mtnas.report.site.figures import Figure, figure
from mtnas.report.site.intervals import Comparison, compare
from mtnas.report.site.routes import Routes
from mtnas.report.site.sources import Sources
from mtnas.report.site.tables import Shown, shown

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
REMEDY = "run `.venv/bin/snakemake claims --cores 2`"


@dataclass(frozen=True)
class Section:
    """One part of the page: its heading, its HTML, and what the contents name below it."""

    id: str
    title: str
    parts: Sequence[Markup]
    items: Sequence[tuple[str, str]] = ()  # id, label
    short: bool = False  # labels so short that several stand in a line


@dataclass(frozen=True)
class Content:
    """All that was read for a page."""

    sources: Sources
    runs: Sequence[Run]
    data: Sequence[Manifest]
    answers: Sequence[answers.Shown]
    claims: claims.Claims | None
    told: datasets.Told
    sharing: Sequence[Shown | Figure]
    diagnoses: Sequence[diagnoses.Shown]
    comparison: Comparison | None
    tables: Sequence[Shown]
    figures: Sequence[Figure]
    searches: Sequence[Searched]
    seconds: Mapping[RunKey, float]  # of the searches, per seed
    audits: Sequence[Shown]

    @cached_property
    def names(self) -> Names:
        """Return what readers call runs."""
        return Names(self.sources.titles)

    @property
    def datasets(self) -> set[str]:
        """Return all datasets that it is about."""
        return {m.dataset for m in self.data} | {run.key[0] for run in self.runs}

    @property
    def simulated(self) -> list[str]:
        """Name the datasets that are simulated."""
        found = {m.dataset for m in self.data if m.simulated}
        found |= {run.key[0] for run in self.runs if run.record.simulated}
        return [dataset_name(name) for name in sorted(found)]


def read_content(sources: Sources) -> Content:
    """Read all files of a report.

    Raises:
        RecordError: one is missing, incomplete or was changed.
    """
    manifests = [Manifest.read(path) for path in sources.manifests]
    read = [read_run(folder) for folder in sources.run_folders]
    names = Names(sources.titles)
    entries = [] if sources.claims is None else read_ledger(sources.claims, REMEDY)
    known = {
        *map(runs.run_id, read),
        *map(datasets.dataset_id, manifests),
        *(anchor("claim", entry["id"]) for entry in entries),
        *(anchor("diagnosis", Path(path).parent.name) for path in sources.diagnoses),
        *map(_exhibit_id, [*sources.figures, *sources.tables, *sources.sharing]),
    }
    titles = list(dict.fromkeys(dataset_name(m.dataset, m.simulated) for m in manifests))
    speaker = claims.Speaker(names, {run.key[1:] for run in read})
    return Content(
        sources,
        read,
        manifests,
        answers.read_answers(sources.answer, known),
        claims.read_claims(entries, speaker) if entries else None,
        datasets.told(manifests, sources.findings),
        [_either(path, known) for path in sources.sharing],
        diagnoses.read_shown(sources.diagnoses),
        _comparison(sources, read, manifests, known),
        [shown(table, known, titles) for table in sources.tables],
        [figure(path) for path in sources.figures],
        read_searches(sources.routes, names, sources.manifests) if sources.routes else [],
        {record.key: record.seconds for record in map(SearchRecord.read, sources.routes)},
        [shown(path, known) for path in sources.audits],
    )


def _either(path: str | Path, known: set[str]) -> Shown | Figure:
    """Return a table or a figure, whichever a file holds."""
    return figure(path) if _is_figure(path) else shown(path, known)


def _is_figure(path: str | Path) -> bool:
    return Path(path).suffix == ".png"


def _exhibit_id(exhibit: str | Path | Table) -> str:
    """Return the id of a table or a figure on the page."""
    if isinstance(exhibit, Table):
        return anchor("table", exhibit.name)
    return anchor("figure" if _is_figure(exhibit) else "table", Path(exhibit).stem)


def _comparison(
    sources: Sources, read: Sequence[Run], manifests: Sequence[Manifest], known: set[str]
) -> Comparison | None:
    """Return the chart of the main runs; those without test scores are not in it."""
    keys = set(sources.main) or {run.key for run in read}
    scored = {
        (run.key[0], run.key[1:]): ScoredRun(run, scores_by_seed(run))
        for run in read
        if run.key in keys
    }
    units = {(m.dataset, task.name): task.unit for m in manifests for task in m.tasks}
    results = Results(scored, names=Names(sources.titles), units=units)
    return compare(results, keys, known)


def sections(content: Content) -> list[Section]:
    """Return the sections that have something to show, in order."""
    made = [
        *_further(content),
        *_sharing(content),
        *_compared(content),
        _claims(content),
        Section("how-to-read-this", "How to read this", [to_html(HOW_TO_READ)]),
        _of_tables("tables", "Tables", content.tables, filtered=True),
        *_routes(content),
        Section(
            "figures", "Figures", [f.html() for f in content.figures],
            [(f.id, f.title) for f in content.figures],
        ),
        *_about_data(content),
        *_costs(content),
        *_runs(content),
    ]  # fmt: skip
    return [section for section in made if section.parts]


def _further(content: Content) -> list[Section]:
    """Return the answers to other questions than the one of the study."""
    parts = [
        Markup("<h3>{}</h3>\n{}").format(answer.question, answer.html(folded=True))
        for answer in content.answers[1:]
    ]
    return [Section("further", "Further questions", parts)]


def _compared(content: Content) -> list[Section]:
    chart = content.comparison
    return [] if chart is None else [Section("comparison", "Methods compared", [chart.html()])]


def _claims(content: Content) -> Section:
    found = content.claims
    if found is None:
        return Section("claims", "Claims", [])
    rule = to_html(RULE)
    items = [(claim.id, claim.entry["id"]) for claim in found.claims]
    return Section("claims", "Claims", [found.html(rule)], items, short=True)


def _sharing(content: Content) -> list[Section]:
    parts = [own.html() for own in content.diagnoses]
    items = [(own.id, own.title) for own in content.diagnoses]
    for own in content.sharing:
        parts.append(own.html() if isinstance(own, Figure) else _table(own))
        items.append((own.id, own.title))
    return [Section("sharing", "Should these tasks share?", parts, items)]


def _table(own: Shown) -> Markup:
    return render("shown.html.j2", shown=own)


def _of_tables(id: str, title: str, tables: Sequence[Shown], *, filtered: bool) -> Section:
    groups = dict.fromkeys(name for own in tables for name in own.datasets)
    form = render("filter.html.j2", datasets=list(groups), items="tbody tr")
    parts = [form] * bool(filtered and tables) + [_table(own) for own in tables]
    return Section(id, title, parts, [(own.id, own.title) for own in tables])


def _routes(content: Content) -> list[Section]:
    found = [Routes(searched) for searched in content.searches]
    lead = render("routes_lead.html.j2") if found else Markup()
    parts = [lead, *(own.html() for own in found)] if found else []
    return [Section("routes", "Routes that were found", parts, [(o.id, o.title) for o in found])]


def _about_data(content: Content) -> list[Section]:
    items = [(datasets.dataset_id(m), dataset_name(m.dataset, m.simulated)) for m in content.data]
    table = [datasets.table(content.data).html()] if content.data else []
    return [
        Section("data", "Data", table, items),
        _of_tables("audits", "Audit of the data", content.audits, filtered=False),
    ]


def _costs(content: Content) -> list[Section]:
    keys = set(content.sources.main) or {run.key for run in content.runs}
    main = [run for run in content.runs if run.key in keys]
    found = runs.costs(main, content.seconds, content.sources.homes, content.names)
    lead = Markup("<p>Seconds per seed: training in colour, the search before it in gray.</p>")
    return [Section("costs", "What it cost", [lead, *(own.html() for own in found)] * bool(found))]


def _runs(content: Content) -> list[Section]:
    if not content.runs:
        return []
    grid = runs.table(content.runs, content.names)
    names = list(dict.fromkeys(row.dataset for row in grid.rows))
    form = render("filter.html.j2", datasets=names, items="tbody tr")
    return [Section("runs", "Runs", [form, grid.html()])]
