"""Blocks of sentences: the published answer, the tasks in words, what the default study costs."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from mtnas.config.files import read_overlay
from mtnas.config.load import load
from mtnas.data.prepare.manifest import Manifest, TaskSummary
from mtnas.report.answer.form import Answer, Kind, read_answer
from mtnas.report.answer.words import listed, meaning_of
from mtnas.report.names import counted, dataset_name
from mtnas.report.published.store import RESTORE, read_plan
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import advising, read_json
from mtnas.runtime.provenance import REPOSITORY
from mtnas.tasks.metrics import MTL_LOSS, metric_of, split_column


def _answers(published: Path) -> list[Answer]:
    with advising(RESTORE):
        return list(read_answer(published / "answer.json"))


def _bullets(answers: Iterable[Answer], *kinds: Kind) -> str:
    """Render statements as a list; those that follow each other and rest on one table are one."""
    said = [s for answer in answers for s in answer.statements if not kinds or s.kind in kinds]
    groups = groupby(said, key=lambda s: s.anchor or s.text)
    return "\n".join(f"* {' '.join(s.text for s in of)}" for _, of in groups)


def answer(published: Path) -> str:
    """Render what was found first of all, and how many claims hold."""
    first, *further = _answers(published)
    claims = [t for other in further if "claims" in other.question for t in other.texts("found")]
    lines = [_bullets([first], "found"), *[f"* {' '.join(claims)}"] * bool(claims)]
    return f"**{first.question}**\n\n" + "\n".join(lines)


def which_sharing(published: Path) -> str:
    """Render the other questions but those about claims, with how sure the answers are."""
    others = [other for other in _answers(published)[1:] if "claims" not in other.question]
    return "\n\n".join(f"**{a.question}**\n\n{_bullets([a])}" for a in others)


def claims_told(published: Path) -> str:
    """Render how many claims of each source hold."""
    return _bullets((a for a in _answers(published) if "claims" in a.question), "found")


def chart(published: Path) -> str:
    """Render the picture of the answer, for README."""
    first = _answers(published)[0]
    path = published / "figures" / "answer.png"
    if not path.is_file():
        raise RecordError(f"{path}: missing; {RESTORE}")
    told = first.texts("found")[0].replace('"', "")
    return f"![{told}](results/published/figures/answer.png)"


def tasks_of(published: Path, dataset: str) -> tuple[TaskSummary, ...]:
    """Return the tasks of a dataset."""
    with advising(RESTORE):
        return Manifest.read(published / "data" / f"{dataset}.json").tasks


def tasks(published: Path) -> str:
    """Render what the tasks of each dataset of the main comparison are."""
    plan = read_plan(published)
    having = dict.fromkeys(run[0] for run in plan.main)
    lines = []
    for dataset in (name for name in plan.principal if name in having):
        parts = [
            f"`{task.name}`: {meaning_of(task.rule) or task.rule}"
            for task in tasks_of(published, dataset)
        ]
        lines.append(f"* **{dataset_name(dataset)}**: {'; '.join(parts)}.")
    return "\n".join(lines)


def score_words(column: str, tasks: Mapping[str, TaskSummary]) -> str:
    """Return a score in words, such as `AUC, the user likes the movie`."""
    if column == MTL_LOSS:
        return "loss, all tasks"
    name = split_column(column)[1]
    task = tasks[name]
    unit = f" ({task.unit})" * bool(task.unit)
    return f"{metric_of(column).title}, {meaning_of(task.rule) or name}{unit}"


def cost(published: Path) -> str:
    """Render how long the default study takes and what it needs: what was measured, and where."""
    file = REPOSITORY / "config" / "config.yaml"
    study = load(read_overlay(file), [file])
    with advising("measure it with `make first-use`"):
        setup = read_json(published / "setup.json", ("gigabytes", "study_minutes", "cores", "git"))
    names = listed([dataset_name(name) for name in study.datasets])
    return (
        f"The default study ({names}, {counted(len(study.seeds), 'seed')}) takes about "
        f"{counted(max(1, round(setup['study_minutes'])), 'minute')} on "
        f"{counted(setup['cores'], 'core')}, measured in a new clone at commit "
        f"`{(setup['git']['commit'] or 'unknown')[:7]}`. Setting up downloads and installs about "
        f"{setup['gigabytes']:.0f} GB (`.venv`)."
    )
