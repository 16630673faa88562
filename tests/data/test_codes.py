"""Numbers that often mean that a value is missing."""

from pathlib import Path

import numpy as np
import pytest

from mtnas.data import sources
from mtnas.data.codes import Codes
from tests.data.conftest import Own
from tests.helpers.columns import prepared

REST = [1.0, 5.0, 20.0, np.nan]
# Numbers in pieces: the codes that are told.
PIECES: dict[str, tuple[list[list[float]], list[str]]] = {
    "below": ([[-999.0, *REST], REST], ["-999"]),
    "above": ([REST, [9999.0, *REST]], ["9999"]),
    "both, in pieces": ([[-99.0, *REST], [99.0, *REST], [-99.0]], ["-99", "99"]),
    "two on one side": ([[999.0, 9999.0, *REST]], ["999", "9999"]),
    "the only negative one": ([[-9.0, *REST, 5000.0]], ["-9"]),
    "an end of one piece only": ([[99.0, *REST], [500.0]], []),
    "near to the others": ([[99.0, 98.0, *REST]], []),
    "seldom": ([[999.0, *REST * 40]], []),
    "another number": ([[777.0, *REST]], []),
    "nothing else": ([[999.0, 999.0]], []),
    "nothing": ([[], [np.nan]], []),
}


@pytest.mark.parametrize("case", PIECES)
def test_codes_far_from_all_others_are_told(case: str) -> None:
    pieces, expected = PIECES[case]
    codes = Codes()
    for piece in pieces:
        codes.add(np.array(piece, np.float64))
    assert [text.partition(" ")[0] for text in codes.told()] == expected


def test_an_audit_tells_them_and_keeps_the_rows(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{i % 7}.5,{i % 3}.25\n" for i in range(20)) + "-999.0,9999\n"
    own("path: x.csv\nfields: {f: {column: a, type: numeric}}\ntasks:\n"
        "  {t: {kind: regression, sql: v}}\n", {"x.csv": "a,v\n" + rows})  # fmt: skip
    facts = prepared(sources.load("mine"), tmp_path / "out", monkeypatch).manifest
    said = [text for text in facts.warnings if "all other numbers" in text]
    assert [text.partition(",")[0] for text in said] == [
        "field f: -999 is there 1 time", "task t: 9999 is there 1 time"]  # fmt: skip
    assert facts.rows == 21 and not facts.values_replaced
