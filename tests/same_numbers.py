"""Compare the numbers of two results folders, such as before and after a change that moves none.

    python tests/same_numbers.py BEFORE AFTER

Compares what both hold: metrics, predictions, routes, trials, exhaustive tables and printed tables,
to the last bit. What may differ from run to run is left out: seconds, versions, code fingerprints.
Prints a line per kind of file; exit status 1 if a number differs or a file is missing in AFTER.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def without(*columns: str) -> Callable[[Path], Any]:
    """Return a reader of tables that leaves columns out."""

    def read(path: Path) -> str:
        reader = pd.read_parquet if path.suffix == ".parquet" else pd.read_csv
        frame = reader(path)
        kept = frame.drop(columns=[name for name in columns if name in frame])
        return str(kept.to_csv(index=False, float_format="%r"))

    return read


def routes(path: Path) -> Any:
    """Return what a search found; an entry that is missing counts as null or empty."""

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: told(item) for key, item in value.items() if item not in (None, {})}
        return value

    return told(json.loads(path.read_text())["seeds"])


def inputs(path: Path) -> bytes:
    """Return the numbers of all inputs: ids, and those in the folder beside them."""
    folder = path.with_name("table.inputs")
    files = [path, *sorted(folder.glob("*.npy"))]
    return b"".join(np.load(file).tobytes() for file in files)


KINDS: dict[str, Callable[[Path], Any]] = {
    "runs/*/*/*/metrics.csv": Path.read_bytes,
    "runs/*/*/*/predictions.parquet": without(),
    "routes/*/*/*/routes.json": routes,
    "tuning/*/*/*/trials.csv": without("seconds"),
    "exhaustive/*.parquet": without(),
    "data/*/table.ids.npy": inputs,
    "tables/*.cells.csv": without("code"),
    "tables/*.tex": Path.read_bytes,
    "tables/*.md": Path.read_bytes,
}


def compare(before: Path, after: Path) -> list[str]:
    """Return what differs, in words."""
    found = []
    for pattern, read in KINDS.items():
        files = [path.relative_to(before) for path in sorted(before.glob(pattern))]
        wrong = []
        for name in files:
            if not (after / name).is_file():
                wrong.append(f"{name}: missing")
            elif read(before / name) != read(after / name):
                wrong.append(f"{name}: differs")
        print(f"{pattern}: {len(files)} compared, {len(wrong)} differ")
        found += wrong
    return found


if __name__ == "__main__":
    problems = compare(*map(Path, sys.argv[1:3]))
    print("\n".join(problems))
    sys.exit(bool(problems))
