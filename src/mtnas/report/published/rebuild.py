"""Tables, claims, figures and report of `results/published`, from the numbers that are kept there.

The published files are laid out as the workflow had left them, and the exhibits of the plan of all
published studies read them there.
"""

import logging
import shutil
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from mtnas.evidence.claims.ledger import STUDY
from mtnas.evidence.records import RunRecord
from mtnas.report import exhibits
from mtnas.report.answer import build as answer
from mtnas.report.answer.needs import needs_of
from mtnas.report.audit_facts import read_audit
from mtnas.report.audit_text import to_markdown
from mtnas.report.claims import write_ledger
from mtnas.report.exhibits import Planned
from mtnas.report.exhibits.base import NothingToShowError
from mtnas.report.names import titles
from mtnas.report.published import diagnoses, packed
from mtnas.report.published.store import RESTORE, read_plan, restore
from mtnas.report.published.whole import check_seal
from mtnas.report.site.made import Made
from mtnas.report.site.page import write_report
from mtnas.report.site.sources import Sources
from mtnas.runtime.errors import MtnasError, RecordError
from mtnas.runtime.files import without_remake, write_text
from mtnas.study.paths import (
    AUDIT,
    DATA,
    DIAGNOSIS,
    ROUTES,
    RUN,
    SUBGRAPHS,
    TRUTHS,
    figure_files,
    of_runs,
    simulated_study_folders,
    subset_folders,
    table_files,
)
from mtnas.study.plan import Plan

_LOG = logging.getLogger(__name__)
REPORT = "results/report.html"
CLAIMS = "results/claims/claims.json"
MOST_BYTES = 200_000  # of the data of a figure; larger ones are not published
PARTS = ("tables", "claims", "figures", "audit")
ANSWER = {"json": "results/answer.json", "md": "results/answer.md"}


def rebuild(folder: str | Path) -> None:
    """Make tables, claims and figures anew; what the published runs do not give any more goes.

    Raises:
        RecordError: a published file is missing, broken or contradicts another.
    """
    folder = Path(folder).resolve()
    check_seal(folder)
    plan = read_plan(folder)
    # The ledgers name the files of a study relative to its folder, so this one is entered.
    with TemporaryDirectory(prefix="mtnas-") as scratch, chdir(scratch):
        try:
            restore(folder)
            packed.restore(folder)
            diagnoses.restore(folder)
            shown = _exhibits(plan)
            _claims(plan)
            answer.write(needs_of(plan), CLAIMS, **ANSWER)
            _audits()
            _report(plan, shown)
        except MtnasError as error:
            raise _of_published(folder, error) from None
        _leave_out_large_data()
        for part in PARTS:
            _replace(folder / part, Path("results") / part)
        for path in (*ANSWER.values(), REPORT):
            shutil.copyfile(path, folder / Path(path).name)


def _of_published(folder: Path, error: MtnasError) -> RecordError:
    """Return an error about what is published: its paths are those of the scratch folder, and what
    they name must not be made again, or deleted, where the workflow runs.
    """
    if str(error).endswith(RESTORE):
        return RecordError(str(error))
    message = without_remake(str(error))
    return RecordError(f"{folder}: what it restores is refused: {message}; {RESTORE}")


def _exhibits(plan: Plan) -> list[Planned]:
    """Write tables and figures below the current folder; return those that show something."""
    shown = []
    for exhibit in exhibits.planned(plan).values():
        try:
            exhibits.load(exhibit.file).write(exhibit.needs, **_files(exhibit))
            shown.append(exhibit)
        except NothingToShowError as nothing:
            _LOG.info("%s is left out: %s", exhibit.name, nothing)
    return shown


def _leave_out_large_data() -> None:
    for path in Path("results/figures").glob("*.csv"):
        if path.stat().st_size > MOST_BYTES:
            path.unlink()


def _audits() -> None:
    for path in Path("results/audit").glob("*.json"):
        write_text(path.with_suffix(".md"), to_markdown(read_audit(path)))


def _report(plan: Plan, shown: Sequence[Planned]) -> None:
    """Write the HTML report of all that is published, as the workflow does of a study."""
    sharing = [exhibit for exhibit in shown if exhibit.needs.diagnoses]
    others = [exhibit for exhibit in shown if not exhibit.needs.diagnoses]
    audits = [Path(AUDIT.format(dataset=name)) for name in plan.datasets]
    audits = [path for path in audits if path.is_file()]
    sources = Sources(
        answer=ANSWER["json"],
        claims=CLAIMS,
        tables=[_files(e)["md"] for e in others if e.kind == "table"],
        figures=[_files(e)["png"] for e in others if e.kind == "figure"],
        sharing=[_files(e)["md" if e.kind == "table" else "png"] for e in sharing],
        diagnoses=sorted(Path().glob(f"{DIAGNOSIS}/diagnosis.json".format(dataset="*"))),
        routes=of_runs(f"{ROUTES}/routes.json", plan.main_searches),
        run_folders=of_runs(RUN, plan.runs),
        manifests=_manifests(plan),
        audits=[path.with_suffix(".md") for path in audits],
        findings=audits,
        main=plan.main,
        homes=plan.homes,
        titles=titles(plan, [run[1:] for run in plan.runs]),
        made=Made(".venv/bin/snakemake rebuild --cores 1"),  # undated: the same bytes every time
    )
    write_report(REPORT, sources)


def _manifests(plan: Plan) -> list[str]:
    return [f"{DATA}/manifest.json".format(dataset=name) for name in plan.datasets]


def _files(exhibit: Planned) -> dict[str, str]:
    """Name the files of an exhibit that are published: a table not as HTML, a figure not as PDF."""
    files = table_files(exhibit.name) if exhibit.kind == "table" else figure_files(exhibit.name)
    return {kind: path for kind, path in files.items() if kind not in ("html", "pdf")}


def _claims(plan: Plan) -> None:
    """Judge the claims on all published runs."""
    searches = dict.fromkeys([*plan.searches_of(plan.runs), *plan.judged_runs(by_run=False)])
    spaces = dict.fromkeys(name for of in plan.judged.values() for name in of)
    write_ledger(
        CLAIMS,
        "results/claims/claims.md",
        run_folders=of_runs(RUN, plan.runs),
        routes=of_runs(f"{ROUTES}/routes.json", searches),
        manifests=_manifests(plan),
        exhaustive=[TRUTHS.format(dataset=name) for name in spaces],
        subgraphs=SUBGRAPHS if Path(SUBGRAPHS).is_file() else None,
        subsets=subset_folders(plan.subsets),
        simulated_studies=simulated_study_folders(plan.simulated_studies),
        study=_study(plan),
    )


def _study(plan: Plan) -> str:
    """Return the command of a study of measured data, if possible of the main comparison."""
    runs = [*sorted(plan.experiments.get("main", [])), *sorted(plan.runs)]
    measured = [run for run in runs if not plan.datasets[run[0]].drawn]
    records = (RunRecord.read(f"{folder}/run.json") for folder in of_runs(RUN, measured))
    commands = (record.study or "" for record in records)
    return next(filter(None, commands), STUDY)


def _replace(folder: Path, source: Path) -> None:
    """Let a folder hold what another one does, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, folder)
