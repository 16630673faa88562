"""All answers of a study, in the order in which its reader asks."""

from collections.abc import Sequence
from pathlib import Path

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.pairing import Row
from mtnas.evidence.search_record import SearchRecord
from mtnas.report.answer import causes, claimed, diagnosed, searching, sharing
from mtnas.report.answer.compare import Gain
from mtnas.report.answer.form import Answer, Statement, to_text, write_answer
from mtnas.report.answer.words import task_words
from mtnas.report.claims import read_ledger
from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.names import REFERENCE
from mtnas.report.paper import paper_score
from mtnas.report.runs import Results, read_results
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_text
from mtnas.tasks.metrics import MTL_LOSS

REMEDY = "delete it and run `.venv/bin/snakemake --cores 1 results/claims/claims.json`"
NOTHING = Answer(
    question=sharing.QUESTION,
    statements=(
        Statement(kind="found", text="This study trained nothing that could be compared."),
        Statement(kind="do", text="Give the experiment `main` two methods or more, and a dataset."),
    ),
)


def write(
    needs: Needs,
    claims: str | Path,
    *,
    json: str | Path,
    md: str | Path,
    beside: Sequence[str] = (),
) -> None:
    """Write the answers as data and as text for a terminal.

    Args:
        needs: `needs.needs_of` the plan of the study.
        claims: its ledger.
        json: where to write the answers as data.
        md: where to write the text.
        beside: what lies among the results but is of another study; told at the end.
    """
    found = answers(needs, claims)
    if beside:
        found = [_with(found[0], _of_others(beside)), *found[1:]]
    write_answer(json, found)
    write_text(md, to_text(found))


def answers(needs: Needs, claims: str | Path) -> list[Answer]:
    """Return the answers of a study: first what it is about.

    That is the search, if the study has a dataset of the paper that proposes it; else which tasks
    share, if that was measured, and which method.
    """
    main, own_tables = _results(needs)
    entries = read_ledger(claims, REMEDY)
    datasets = [] if main is None else main.datasets
    controls = _controls(needs)
    tasks = _task_words(needs)
    of_diagnoses = diagnosed.answer([Diagnosis.read(path) for path in needs.diagnosis_files])
    told = [of_diagnoses]
    if main is not None:
        derived = {tuple(row.split("/")): how for row, how in needs.facts["derived"].items()}
        told.append(sharing.answer(main, datasets, controls, tasks, derived))
        searches = [SearchRecord.read(path) for path in needs.routes_files]
        more = [*causes.small_spaces(needs.truth_files, needs.judged), *own_tables]
        search = searching.answer(main, datasets, controls, searches, more)
        first = any(_is_of_the_paper(main, dataset) for dataset in datasets)
        told.insert(0 if first else len(told), search)
    found = [answer for answer in (*told, *claimed.answers(entries)) if answer is not None]
    return found or [NOTHING]


def compared(needs: Needs) -> tuple[Results, list[Gain]]:
    """Return the runs of the main comparison, and the comparisons that the first answer is about.

    Without the search, or anything to compare it with, they are about which method to use.

    Raises:
        RecordError: a run is missing or broken.
        NothingToShowError: no two runs have a score in common.
    """
    main, _ = _results(needs)
    if main is None:
        raise RecordError("the answer: experiment `main` has no run; give it methods and datasets")
    controls, datasets = _controls(needs), main.datasets
    of_paper = any(_is_of_the_paper(main, dataset) for dataset in datasets)
    if of_paper and (found := searching.comparisons(main, datasets, controls)):
        return main, found
    choices = (sharing.choose(main, dataset, controls) for dataset in datasets)
    gains = [gain for choice in choices if choice is not None for gain in choice.gains]
    if not gains:
        raise NothingToShowError("answer: no two runs of experiment `main` have a score in common")
    return main, gains


def _controls(needs: Needs) -> list[Row]:
    return [(method, variant) for method, variant in needs.facts["controls"]]


def _results(needs: Needs) -> tuple[Results | None, list[Statement]]:
    """Return the runs of the main comparison, and what is known of embedding tables per task."""
    if not needs.runs:
        return None, []
    results = read_results(needs.run_folders, names=needs.names, manifests=needs.manifest_files)
    wanted = set(needs.facts["main"])
    runs = {k: r for k, r in results.runs.items() if "/".join((k[0], *k[1])) in wanted}
    own = [(method, variant) for method, variant in needs.facts["own_tables"]]
    main = Results(runs, results.reference, results.names, results.units) if runs else None
    return main, causes.tables_per_task(results, own)


def _is_of_the_paper(results: Results, dataset: str) -> bool:
    """Whether the paper that proposes the search prints scores of a dataset."""
    printed = paper_score(dataset, REFERENCE, MTL_LOSS) is not None
    return printed and not results.simulated(dataset)


def _task_words(needs: Needs) -> dict[tuple[str, str], str]:
    """Return what readers call tasks, by dataset and task."""
    return {
        (manifest.dataset, task.name): task_words(task.name, task.rule)
        for manifest in map(Manifest.read, needs.manifest_files)
        for task in manifest.tasks
    }


def _with(answer: Answer, statement: Statement) -> Answer:
    return answer.model_copy(update={"statements": (*answer.statements, statement)})


def _of_others(beside: Sequence[str]) -> Statement:
    shown = ", ".join(beside[:3])
    more = f" and {len(beside) - 3} more" if len(beside) > 3 else ""
    text = (
        f"Of another study, and no part of this answer: {shown}{more}. See results/contents.json."
    )
    return Statement(kind="sure", text=text)
