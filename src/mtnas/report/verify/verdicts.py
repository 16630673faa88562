"""Verdicts, judged again on the files that a ledger names."""

from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from mtnas.evidence.claims.ledger import Entry
from mtnas.report.claims import read_ledger, write_ledger
from mtnas.report.verify.outcome import Outcome
from mtnas.runtime.files import remake
from mtnas.study.paths import DATA, SUBGRAPHS

HOME = "results"  # ledgers name files from the folder that this one is in


def check_verdicts(folder: Path, outcome: Outcome) -> None:
    """Compare verdicts, estimates and intervals of the ledger with those judged again."""
    ledger = folder / "claims" / "claims.json"
    if not ledger.is_file():
        return
    if folder.resolve().name != HOME:
        outcome.unchecked.append(f"{ledger}: judged again only in a folder called {HOME}")
        return
    remedy = f"delete it and run `{remake(ledger)}`"
    before = len(outcome.wrong)
    with outcome.noting():
        entries = read_ledger(ledger, remedy)
        again = {entry["id"]: _told(entry) for entry in _judged(folder.resolve().parent, entries)}
        for entry in entries:
            old, new = _told(entry), again.get(entry["id"])
            if old != new:
                outcome.note(
                    f"{ledger}: {entry['id']} says {old}, but the runs that it names give {new}; "
                    f"{remedy}"
                )
    if len(outcome.wrong) == before:
        outcome.right.append(f"{len(entries)} verdicts follow from the files that they name")


def _told(entry: Entry) -> str:
    return f"{entry['verdict']}, {entry['estimate']}, {entry['interval']}"


def _judged(home: Path, entries: Sequence[Entry]) -> list[Entry]:
    """Judge again in the folder that paths are relative to, with the files of these entries."""
    parts = [part for entry in entries for part in (entry, *entry["comparisons"])]
    named = sorted({path for part in parts for path in part["evidence"]})
    datasets = sorted({name for entry in entries for name in entry["datasets"]})
    with TemporaryDirectory(prefix="mtnas-") as scratch, chdir(home):
        path = Path(scratch, "claims.json")
        write_ledger(
            path,
            path.with_suffix(".md"),
            run_folders=_folders(named, "runs"),
            routes=[path for path in named if path.startswith(f"{HOME}/routes/")],
            manifests=[
                m
                for d in datasets
                if Path(m := f"{DATA}/manifest.json".format(dataset=d)).is_file()
            ],
            exhaustive=[path for path in named if path.startswith(f"{HOME}/exhaustive/")],
            subgraphs=SUBGRAPHS if Path(SUBGRAPHS).is_file() else None,
            subsets=_folders(named, "subsets"),
            simulated_studies=_folders(named, "simulated_studies"),
        )
        return read_ledger(path, "")


def _folders(named: Sequence[str], kind: str) -> list[str]:
    """Return the folders of a kind that files are in, each once, in order."""
    files = [path for path in named if path.startswith(f"{HOME}/{kind}/")]
    return list(dict.fromkeys(str(Path(path).parent) for path in files))
