"""What docs/deviations.md lists, and the code that cites it."""

import re

from mtnas.runtime.provenance import REPOSITORY

PLACES = ("src/mtnas/**/*.py", "rules/*.smk", "workflow/scripts/*.py", "config/*.yaml")
NUMBER = r"\b[DV][1-9][0-9]?\b"
RANGE = re.compile(r"\b([DV])([1-9][0-9]?)(?:-| \.\.\. )\1([1-9][0-9]?)\b")


def listed():
    text = (REPOSITORY / "docs/deviations.md").read_text(encoding="utf-8")
    return re.findall(rf"^\*\*({NUMBER}),", text, re.M)


def cited():
    """Return every number that code or configuration names, each with the files that do."""
    found = {}
    for pattern in PLACES:
        for path in REPOSITORY.glob(pattern):
            text = RANGE.sub("", path.read_text(encoding="utf-8"))  # a range explains no choice
            for number in re.findall(NUMBER, text):
                found.setdefault(number, []).append(path.name)
    return found


def test_every_deviation_is_cited_where_its_choice_is_made():
    assert set(listed()) - set(cited()) == set()


def test_every_number_that_the_code_cites_is_listed_once():
    numbers = listed()

    assert len(numbers) == len(set(numbers)) > 25
    assert {n: files for n, files in cited().items() if n not in numbers} == {}
