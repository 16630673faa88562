"""The ids of the page: `claim-C1`, `table-table2`, `run-movielens-mmoe-paper`."""

import re


def anchor(kind: str, *names: str) -> str:
    """Return the id of a thing; what an id may not hold becomes a hyphen."""
    return "-".join([kind, *(re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") for name in names)])
