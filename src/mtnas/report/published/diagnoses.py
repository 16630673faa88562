"""`results/published/diagnosis/`: the diagnosis.json of every dataset, byte by byte."""

from collections.abc import Iterable
from pathlib import Path

from mtnas.evidence.diagnosis.pooled import pooled
from mtnas.evidence.diagnosis.predict import Predicts
from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.diagnosis.text import widths_said
from mtnas.report.names import dataset_name
from mtnas.report.published.store import RESTORE
from mtnas.report.render import pipes
from mtnas.runtime.files import advising, write_text
from mtnas.study.paths import DIAGNOSIS
from mtnas.study.plan import Plan

FOLDER = "diagnosis"
NOTHING = (
    "Nothing is published yet. `.venv/bin/snakemake --cores 2 --configfile config/diagnose.yaml "
    "publish` measures it and fills this table."
)


def publish(folder: Path, paths: Iterable[str | Path]) -> None:
    """Copy diagnoses.

    Raises:
        RecordError: one is missing or was changed after it was written.
    """
    for path in map(Path, paths):
        found = Diagnosis.read(path)
        write_text(folder / FOLDER / f"{found.dataset}.json", path.read_text("utf-8"))


def read(folder: Path) -> list[Diagnosis]:
    """Read all published diagnoses, by name of the dataset."""
    with advising(RESTORE):
        return [Diagnosis.read(path) for path in sorted((folder / FOLDER).glob("*.json"))]


def restore(folder: Path) -> None:
    """Write what is published below the current folder, as the workflow had left it."""
    for path in sorted((folder / FOLDER).glob("*.json")):
        found = Diagnosis.read(path)
        place = Path(DIAGNOSIS.format(dataset=found.dataset), "diagnosis.json")
        write_text(place, path.read_text("utf-8"))


def prune(folder: Path, plan: Plan) -> None:
    """Remove diagnoses of datasets that are not published any more."""
    for path in (folder / FOLDER).glob("*.json"):
        if path.stem not in plan.datasets:
            path.unlink()


def measures_told(published: Path) -> str:
    """Render which measure ranked pairs of tasks by their gains, over all published diagnoses."""
    found = read(published)
    if not found:
        return NOTHING
    head = ["Gains in", "Measure", "Spearman's rho", "95 % interval", "Ordered pairs", "Datasets"]
    rows = [
        [metric, own.title, *_cells(own), str(own.pairs), ", ".join(own.datasets)]
        for metric, of_metric in pooled(found).items()
        for own in of_metric
        if own.pairs
    ]
    return pipes.table(head, rows)


def by_width(published: Path) -> str:
    """Render what a wider shared part changed, of every published diagnosis with a curve."""
    lines, without = [], []
    for one in read(published):
        name = dataset_name(one.dataset, one.simulated)
        if one.capacity:
            lines.append(f"* **{name}**: {widths_said(one)}")
        else:
            without.append(name)
    if without:
        lines += ["", f"Without a capacity curve: {', '.join(without)}."]
    return "\n".join(lines).strip() or NOTHING


def _cells(own: Predicts) -> tuple[str, str]:
    rho = "too few pairs, or all alike" if own.rho is None else f"{own.rho:+.2f}"
    if own.low is None or own.high is None:
        return rho, ""
    return rho, f"{own.low:+.2f} to {own.high:+.2f}{'' if own.told else ' (holds 0)'}"
