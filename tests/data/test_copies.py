"""Texts that stand in others: linked, also over others, in any order; the real sentences."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from mtnas.data.prepare.store import Table, read_compact
from mtnas.data.prepare.table import prepare
from mtnas.data.sources.sentiment_words import Dataset
from mtnas.data.text.copies import LEAST, groups_of
from mtnas.data.text.sentiment import letters_of
from mtnas.experiments.splits import split_of, without_leaks
from tests.helpers.shared import real


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["abcd", "xabcdy"], [{"abcd", "xabcdy"}]),
        (["abc", "xabcy"], [{"abc"}, {"xabcy"}]),  # too short to count
        (["abcd", "abcd", "abce"], [{"abcd"}, {"abce"}]),
        (["abcd", "abcde", "zabcde", "wabcd"], [{"abcd", "abcde", "zabcde", "wabcd"}]),
        (["abcdefgh", "abcd", "efgh"], [{"abcdefgh", "abcd", "efgh"}]),
        (["aaaa", "aaaaaa"], [{"aaaa", "aaaaaa"}]),
        (["abcdx", "abcdy"], [{"abcdx"}, {"abcdy"}]),  # only the beginning is common
        ([], []),
    ],
)
def test_a_text_is_of_one_group_with_what_stands_in_it(
    texts: list[str], expected: list[set[str]]
) -> None:
    for order in permutations(texts):
        found: dict[str, set[str]] = {}
        for text, group in groups_of(order, least=4).items():
            found.setdefault(group, set()).add(text)
        assert sorted(map(sorted, found.values())) == sorted(map(sorted, expected))
        assert all(group == max(own, key=len) for group, own in found.items())


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, list[str]]:
    """The real table, and the letters of every row."""
    raw, folder = real("sentiment"), tmp_path_factory.mktemp("sentences")
    files = {"table": folder / "t.parquet", "manifest": folder / "t.json"}
    prepare({"dataset": "sentiment_words"}, **files, raw=raw)
    letters = [letters_of(text) or "" for text in Dataset().texts(Path(raw))]
    return read_compact(files["table"], files["manifest"]), letters


def met(judged: list[str], others: list[str]) -> list[str]:
    """Return which of some texts are equal to one of the others, or contain it, or stand in it."""
    long = [text for text in others if len(text) >= LEAST]
    blob, known = "|".join(long), set(others)
    own = "|".join(text for text in judged if len(text) >= LEAST)
    inside = [text for text in known.intersection(long) if text in own]
    return [
        text
        for text in judged
        if text in known
        or (len(text) >= LEAST and (text in blob or any(part in text for part in inside)))
    ]


@pytest.mark.parametrize("seed", [0, 3])
def test_no_test_sentence_has_or_is_a_part_of_one_to_learn(
    sentences: tuple[Table, list[str]], seed: int
) -> None:
    table, letters = sentences
    kept = split_of(table, seed, fixed=False)
    split = without_leaks(kept, table, seed)
    rng = np.random.default_rng(0)
    tested = rng.choice(split.test, 1500, replace=False)  # in each direction, of every set
    tests = [letters[row] for row in tested if letters[row]]
    assert len(met(tests, [letters[row] for row in kept.train])) > 300
    assert met(tests, [letters[row] for row in split.train if letters[row]]) == []
