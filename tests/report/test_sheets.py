"""Texts of the data in CSV: never a formula, and numbers stay as they are."""

import io

import pandas as pd
import pytest

from mtnas.report.render.sheets import to_csv

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\n=1"]
KEPT = ["MovieLens", "-0.5", "+3", "-inf", "", " =1", "a=b", "'quoted"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_would_be_computed_is_a_text(text: str) -> None:
    frame = pd.DataFrame({"row": ["a", text], text: [1.5, -2.0]})

    again = pd.read_csv(io.StringIO(to_csv(frame), newline=""), keep_default_na=False)

    assert list(again.columns) == ["row", f"'{text}"]
    assert list(again["row"]) == ["a", f"'{text}"]


def test_numbers_and_other_texts_are_kept() -> None:
    frame = pd.DataFrame({"text": KEPT, "number": [-1.5, 2.0, None, 1e-9, 0, -3, 7, 8]})
    frame["count"] = pd.array([1, None, -3, 4, 5, 6, 7, 8], dtype="Int64")

    assert to_csv(frame) == frame.to_csv(index=False, lineterminator="\n")


def test_a_carriage_return_ends_no_line() -> None:
    assert to_csv(pd.DataFrame({"a": ["\r=1"]})) == "a\n =1\n"
