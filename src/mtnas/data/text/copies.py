"""Texts that were copied whole: which are the same, and which have another one inside.

A sentence that was cut out of a longer text stands there letter by letter, so who has read the one
has read the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

LEAST = 20  # letters of a text that counts inside another; short phrases are anywhere by chance


def groups_of(texts: Iterable[str], least: int = LEAST) -> dict[str, str]:
    """Return the group of every text: the longest of those that are linked, also over others.

    Two texts are linked if one is a part of the other and has at least `least` characters. Time
    grows with the characters of all texts, not with pairs of texts.
    """
    known = sorted(set(texts), key=lambda text: (-len(text), text))
    group = {text: text for text in known}
    for part, whole in _links(known, least):
        one, other = _first(group, part), _first(group, whole)
        shorter, longer = sorted((one, other), key=lambda text: (len(text), text))
        group[shorter] = longer
    return {text: _first(group, text) for text in known}


def _links(known: Iterable[str], least: int) -> Iterator[tuple[str, str]]:
    """Yield every text that is a part of another one, with that, by its first characters."""
    beginning: dict[str, list[str]] = defaultdict(list)
    for text in known:
        if len(text) >= least:
            beginning[text[:least]].append(text)
    for whole in known:
        for place in range(len(whole) - least + 1):
            for part in beginning.get(whole[place : place + least], ()):
                if part != whole and whole.startswith(part, place):
                    yield part, whole


def _first(group: dict[str, str], text: str) -> str:
    """Follow a text to the one that stands for its group, and remember the way."""
    while group[text] != text:
        group[text] = text = group[group[text]]
    return text
