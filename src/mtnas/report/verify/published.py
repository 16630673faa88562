"""Check results/published: make everything again from its numbers, beside it, and compare."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mtnas.report.published.rebuild import PARTS, rebuild
from mtnas.report.published.store import RESTORE, read_runs
from mtnas.report.published.whole import APART, unsealed
from mtnas.report.verify.digests import check_digests
from mtnas.report.verify.outcome import Outcome
from mtnas.runtime.errors import MtnasError
from mtnas.runtime.files import without_remake

REMEDY = "run `.venv/bin/snakemake rebuild --cores 1`"
SOURCES = ("subgraphs.json",)  # of the folders that are made again, what they are made from
COMPARED = {part: f"{part}/*" for part in PARTS} | {"answer": "answer.*"}
_DECIMAL = re.compile(rb"(-?\d+\.\d+(?:e[+-]?\d+)?)")
MADE = (*PARTS, "answer.json", "runs.json")  # compared, or with a digest for every run


def check_published(folder: Path, outcome: Outcome) -> None:
    """Check the records, then tables, verdicts, audits, the data of figures and the answer."""
    without = check_digests(folder, outcome, whole=False)
    outcome.wrong = [f"{without_remake(wrong)}; {RESTORE}" for wrong in outcome.wrong]
    apart = list[str]()
    with outcome.noting():
        apart = unsealed(folder)
    for name in apart:
        outcome.note(f"{folder / name}: {APART}; {RESTORE}")
    if apart:
        outcome.unchecked.append(f"{', '.join(PARTS)}: they could not be made again")
        return
    with outcome.noting():
        runs = read_runs(folder)
        outcome.right.append(f"{len(runs)} run records are as they were published")
    with TemporaryDirectory(prefix="mtnas-") as scratch:
        copy = Path(scratch, "published")
        shutil.copytree(folder, copy)
        try:
            rebuild(copy)
        except MtnasError as error:
            outcome.note(str(error).replace(str(copy), str(folder)))
            outcome.unchecked.append(f"{', '.join(PARTS)}: they could not be made again")
            return
        _compare(folder, copy, outcome)
    if unknown := [name for name in without if name.split("/")[0] not in MADE]:
        outcome.unchecked.append(f"{', '.join(unknown)}: no digest in them")
    outcome.unchecked.append("scores against predictions: these are not published")


def _compare(folder: Path, copy: Path, outcome: Outcome) -> None:
    """Compare what was made again with what stands there."""
    for part, pattern in COMPARED.items():
        there, again = _contents(folder, pattern), _contents(copy, pattern)
        drawn = [name for name in there if name.endswith(".png") and name in again]
        differ = [
            name
            for name in sorted(there.keys() | again.keys())
            if not (name in there and name in again and _is_same(there[name], again[name]))
        ]
        for name in (name for name in differ if name not in drawn):
            outcome.note(f"{folder / name}: {_how(name, there, again)}; {REMEDY}")
        if other := [name for name in drawn if name in differ]:
            outcome.unchecked.append(
                f"{folder / part}: {len(other)} drawings differ in their bytes, as they do between "
                "versions of matplotlib and fonts"
            )
        if there and not set(differ) - set(drawn):
            same = len(there) - len(other)
            outcome.right.append(f"{part}: {same} files are those that the numbers give")


def _is_same(old: bytes, new: bytes) -> bool:
    """Whether two files are the same but for the last digits of numbers: processors round them."""
    if old == new:
        return True
    olds, news = (_DECIMAL.split(text) for text in (old, new))  # numbers stand at odd places
    return olds[::2] == news[::2] and np.allclose(
        np.array(olds[1::2], float), np.array(news[1::2], float), rtol=1e-9, atol=1e-12
    )


def _how(name: str, there: dict[str, bytes], again: dict[str, bytes]) -> str:
    """Say how a file differs from the one that was made again."""
    if name not in again:
        return "the published numbers do not give this file"
    if name not in there:
        return "missing"
    old, new = (text[name].decode(errors="replace").splitlines() for text in (there, again))
    pairs = enumerate(zip(old, new, strict=False), start=1)
    line = next((number for number, (a, b) in pairs if a != b), min(len(old), len(new)) + 1)
    return f"line {line} is not what the published numbers give"


def _contents(folder: Path, pattern: str) -> dict[str, bytes]:
    """Return the files that a pattern finds in a folder, by their paths in it."""
    files = (path for path in folder.glob(pattern) if path.is_file() and path.name not in SOURCES)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
