"""CSV for people, who open it in a spreadsheet: no text of the data becomes a formula there."""

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\n")


def to_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV; a text that a spreadsheet would compute has an apostrophe before it.

    Numbers are as they are, also those that are texts, such as -0.5.
    """
    safe = frame.copy()
    for name in frame.select_dtypes(["object", "string"]):
        safe[name] = frame[name].map(as_text)
    safe.columns = pd.Index([as_text(name) for name in frame.columns])
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def as_text(value: object) -> object:
    """Return a value, with an apostrophe before a text that would be a formula.

    A carriage return, which Python's csv does not quote, is a blank.
    """
    if not isinstance(value, str):
        return value
    value = value.replace("\r", " ")
    if not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
