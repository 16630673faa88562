"""What the published studies of transfer found, for docs/should-these-tasks-share.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mtnas.evidence.claims import transfer
from mtnas.evidence.claims.ledger import Entry, Told
from mtnas.report import claims as ledger
from mtnas.report.names import counted, dataset_name
from mtnas.report.published import diagnoses
from mtnas.report.published.store import RESTORE
from mtnas.report.render import pipes
from mtnas.report.render.pipes import escaped

SHARE = "share"  # the unit of comparisons that say how much of something there is
HEAD = ("Claim", "Data", "Compared", "Claimed", "Estimate", "95 % interval", "Over", "Verdict")
NOTHING = "Nothing is published yet."


def recommended(published: Path) -> str:
    """Render the recommendation of every published diagnosis."""
    found = diagnoses.read(published)
    lines = [
        f"* **{dataset_name(one.dataset, one.simulated)}** ({counted(len(one.tasks), 'task')}, "
        f"{counted(len(one.seeds), 'seed')}): {' '.join(one.sentences)}"
        for one in found
    ]
    return "\n".join(lines) or NOTHING


def transfer_claims(published: Path) -> str:
    """Render the claims of Wu, Zhang, Ré with their verdicts, then what decides them.

    Every share that is told beside it is in the table, too.
    """
    path = published / "claims" / "claims.json"
    entries = [e for e in ledger.read_ledger(path, RESTORE) if e["source"] == transfer.SOURCE]
    rows = [row for entry in entries for row in _rows(entry)]
    if not rows:
        return NOTHING
    table = pipes.table(HEAD, rows, [pipes.LEFT] * len(HEAD))
    return "\n".join([*map(_in_words, entries), "", table])


def _in_words(entry: Entry) -> str:
    name, section = entry["id"], entry["section"]
    return f"* **{name}** ({section}): {entry['claim']}: **{entry['verdict']}**"


def _rows(entry: Entry) -> Iterator[Sequence[str]]:
    for told in entry["comparisons"]:
        if told["role"] != "control" or told["unit"] == SHARE:
            yield (entry["id"], *_cells(told))


def _cells(told: Told) -> tuple[str, ...]:
    return (
        dataset_name(told["dataset"], told["simulated"]) if told["dataset"] else "all",
        escaped(told["what"]),
        ledger.claimed(told),
        f"{ledger.number(told['estimate'])} {escaped(told['unit'])}",
        ledger.deciding(told),
        escaped(told["over"]),
        told["verdict"] + (" (beside it)" if told["role"] == "control" else ""),
    )
