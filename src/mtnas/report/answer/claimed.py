"""Do the claims of the papers hold here?"""

from collections import Counter
from collections.abc import Sequence

from mtnas.evidence.claims.ledger import Entry
from mtnas.evidence.claims.paper import MTNAS_PAPER
from mtnas.evidence.claims.verdicts import NOT_JUDGED, NOT_MEASURED
from mtnas.report.answer.form import Answer, Interval, Statement
from mtnas.report.answer.words import listed
from mtnas.report.claims import by_source, in_words
from mtnas.report.names import counted, dataset_name

ORDER = ("contradicted", "equivalent", "inconclusive", "replicated", NOT_MEASURED, NOT_JUDGED)
MEANING = {"equivalent": "shown to make no difference", NOT_JUDGED: "about other data than these"}


def answers(entries: Sequence[Entry]) -> list[Answer]:
    """Return an answer for every source of whose claims the study measured anything."""
    found = []
    for source, own in by_source(entries).items():
        counts = Counter(entry["verdict"] for entry in own)
        beyond = any(entry["beyond"] != NOT_MEASURED for entry in own)
        if beyond or counts[NOT_MEASURED] + counts[NOT_JUDGED] < len(own):
            found.append(_answer(source, own, counts))
    return found


def _answer(source: str, own: Sequence[Entry], counts: Counter[str]) -> Answer:
    whose = "the paper" if source == MTNAS_PAPER else source
    statements = [
        Statement(
            kind="asked",
            text=f"{counted(len(own), 'claim')} of {whose}, each with a rule that decides.",
        ),
        Statement(kind="found", text=_totals(len(own), whose, counts), anchor=_anchor(own[0])),
    ]
    if further := _beyond(own):
        statements.append(Statement(kind="found", text=further, anchor=_anchor(own[0])))
    lacking = [e for e in own if e["verdict"] == NOT_MEASURED and e["command"]]
    if lacking:
        text = f"To measure {lacking[0]['id']} run {lacking[0]['command']}"
        others = listed([entry["id"] for entry in lacking[1:]]) if lacking[1:] else ""
        more = f" (the commands for {others} stand in the report)" if others else ""
        statements.append(Statement(kind="do", text=f"{text}{more}", anchor=_anchor(lacking[0])))
    return Answer(
        question=f"Do the claims of {whose} hold on these data?",
        statements=tuple(statements),
        intervals=tuple(_interval(e) for e in own if e["interval"] is not None),
    )


def _totals(claims: int, whose: str, counts: Counter[str]) -> str:
    parts = [
        f"{counts[verdict]} {MEANING.get(verdict, verdict)}" for verdict in ORDER if counts[verdict]
    ]
    verb = "is" if counts[next(v for v in ORDER if counts[v])] == 1 else "are"
    return f"Of {counted(claims, 'claim')} of {whose}, {_joined(parts, verb)}."


def _beyond(own: Sequence[Entry]) -> str:
    """Say what the claims are on data that their source does not speak of, if there are any."""
    counts = Counter(entry["beyond"] for entry in own if entry["beyond"] != NOT_MEASURED)
    names = [
        dataset_name(name, found["simulated"])
        for entry in own
        for name, found in entry["datasets"].items()
        if found["beyond"] and not found["verdict"].startswith((NOT_MEASURED, NOT_JUDGED))
    ]
    if not counts:
        return ""
    parts = [f"{counts[v]} {MEANING.get(v, v)}" for v in ORDER if counts[v]]
    verb = "would be"
    return (
        f"On data of which it does not speak ({listed(list(dict.fromkeys(names)))}), which decide "
        f"nothing, {_joined(parts, verb)}."
    )


def _joined(parts: Sequence[str], verb: str) -> str:
    number, _, rest = parts[0].partition(" ")
    return listed([f"{number} {verb} {rest}", *parts[1:]])


def _anchor(entry: Entry) -> str:
    return f"claim-{entry['id']}"


def _interval(entry: Entry) -> Interval:
    """Return the interval that decided a claim."""
    low, high = entry["interval"] or (0.0, 0.0)
    decided = next(c for c in entry["comparisons"] if tuple(c["deciding"]) == (low, high))
    dataset = decided["dataset"]
    return Interval(
        label=f"{entry['id']}: {entry['claim']}",
        dataset=dataset_name(dataset, decided["simulated"]) if dataset else "",
        low=min(low, decided["estimate"]),
        estimate=decided["estimate"],
        high=max(high, decided["estimate"]),
        unit=f"{in_words(decided['what'])} ({decided['unit']})",
        verdict=f"{entry['verdict']}: {entry['said']}",
        anchor=_anchor(entry),
    )
