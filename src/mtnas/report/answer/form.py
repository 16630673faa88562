"""Answers as data (results/answer.json) and as plain text (results/answer.md)."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from mtnas.report.names import counted
from mtnas.runtime.files import broken, read_sealed, sealed, write_json
from mtnas.runtime.record import Part

Kind = Literal["asked", "found", "sure", "do"]
WIDTH, MOST_LINES = 100, 15


class Statement(Part):
    """One or two sentences; `anchor` names the place in the report that shows the numbers."""

    kind: Kind
    text: str
    anchor: str | None = None


class Interval(Part):
    """What a sentence rests on: an estimate with the 95 % interval that decided.

    It is corrected for the number of comparisons where there were several. `verdict` says in words
    what it means; `unit` what is better.
    """

    label: str
    dataset: str
    low: float
    estimate: float
    high: float
    unit: str
    verdict: str
    anchor: str | None = None


class Answer(Part):
    """A question with its answer."""

    question: str
    statements: tuple[Statement, ...]
    intervals: tuple[Interval, ...] = ()

    def texts(self, *kinds: Kind) -> list[str]:
        """Return the sentences of some kinds; of all, if none is named."""
        return [said.text for said in self.statements if not kinds or said.kind in kinds]


def write_answer(path: str | Path, answers: Sequence[Answer]) -> None:
    """Write answers as JSON, atomically."""
    write_json(path, sealed({"answers": [answer.model_dump(mode="json") for answer in answers]}))


def read_answer(path: str | Path) -> tuple[Answer, ...]:
    """Read results/answer.json; the first answer is the one that the study is about.

    Raises:
        RecordError: the file is missing or broken, or was changed.
    """
    content = read_sealed(path, ("answers",))
    try:
        return tuple(Answer.model_validate(answer) for answer in content["answers"])
    except (TypeError, ValidationError) as error:
        raise broken(path, f"not an answer ({str(error).splitlines()[0]})") from None


def to_text(answers: Sequence[Answer]) -> str:
    """Return what a terminal shows: at most 15 lines of 100 characters; the report has all of it.

    What does not fit is left out and counted: first how sure a finding is, then further findings.
    """
    first, *further = answers
    sentences = [(0 if n == 0 else 2, t) for n, t in enumerate(first.texts("found"))]
    sentences += [(3, text) for text in first.texts("sure")]
    sentences += [(1, text) for text in first.texts("do")]
    sentences += [(2, f"{a.question} {t}") for a in further for t in a.texts("found")[:1]]
    blocks = [
        textwrap.wrap(f"* {text}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for _, text in sentences
    ]
    spare = MOST_LINES - 2  # the question, and how many sentences are left out
    shown = set()
    for place in sorted(range(len(blocks)), key=lambda place: (sentences[place][0], place)):
        if len(blocks[place]) <= spare:
            shown.add(place)
            spare -= len(blocks[place])
    lines = [first.question, *(line for place in sorted(shown) for line in blocks[place])]
    if left := len(blocks) - len(shown):
        lines.append(f"{counted(left, 'more sentence')}: results/report.html")
    return "\n".join(lines) + "\n"
