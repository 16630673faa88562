"""Which of my tasks should share a model? The diagnosis of a dataset, as an answer."""

from collections.abc import Sequence

from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.diagnosis.truth import Interval as Measured
from mtnas.report.answer.form import Answer, Interval, Statement
from mtnas.report.answer.words import listed
from mtnas.report.names import dataset_name

QUESTION = "Which of my tasks should share a model?"
GROUPINGS = {
    "over_apart": "best groups − a model for each task",
    "over_together": "best groups − one model for all tasks",
    "together_over_apart": "one model for all tasks − a model for each task",
}


def answer(diagnoses: Sequence[Diagnosis]) -> Answer | None:
    """Return the answer of all diagnoses; None without any."""
    if not diagnoses:
        return None
    names = {d.dataset: dataset_name(d.dataset, d.simulated) for d in diagnoses}
    asked = (
        f"Every subset of the tasks of {listed(list(names.values()))} was trained for every seed."
    )
    statements = [Statement(kind="asked", text=asked)]
    for found in diagnoses:
        what, gained, surer = found.sentences
        anchor = f"diagnosis-{found.dataset}"
        statements += [
            Statement(kind="found", text=f"{names[found.dataset]}: {what} {gained}", anchor=anchor),
            Statement(kind="sure", text=f"{names[found.dataset]}: {surer}", anchor=anchor),
        ]
    intervals = [one for found in diagnoses for one in _intervals(found, names[found.dataset])]
    return Answer(question=QUESTION, statements=tuple(statements), intervals=tuple(intervals))


def _intervals(found: Diagnosis, name: str) -> list[Interval]:
    told = []
    for key, label in GROUPINGS.items():
        measured: Measured = getattr(found.grouping, key)
        if measured.low is None or measured.high is None:
            continue
        words = {1: "better", -1: "worse", 0: "no difference that these seeds can show"}
        told.append(
            Interval(
                label=label,
                dataset=name,
                low=measured.low,
                estimate=measured.mean,
                high=measured.high,
                unit=f"gain in {found.unit}, mean over tasks; positive favours the first",
                verdict=words[measured.sign],
                anchor=f"diagnosis-{found.dataset}",
            )
        )
    return told
