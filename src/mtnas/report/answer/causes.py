"""What explains the answer: embedding tables per task, and small spaces known completely."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from mtnas.config.entries import PAPER
from mtnas.evidence.pairing import SINGLE, Row
from mtnas.evidence.statistics import LEVEL, holm
from mtnas.report.answer.compare import Gain, corrected, gain, score_of
from mtnas.report.answer.form import Statement
from mtnas.report.answer.words import interval, of, signed_of
from mtnas.report.judged import Truth, read_judged
from mtnas.report.names import counted, dataset_name
from mtnas.report.runs import Results


def tables_per_task(results: Results, own_tables: Sequence[Row]) -> list[Statement]:
    """Say how much of the lead of separate models is left once a joint one has tables per task."""
    bases = [(row[0], PAPER) for row in own_tables]
    found: list[tuple[Gain, Gain]] = []  # a lead, and what is left of it
    for dataset in results.datasets:
        score = score_of(results, dataset)
        leads = corrected(gain(results, dataset, SINGLE, base, score) for base in bases)
        for lead in [lead for lead in leads if lead.sign > 0][:1]:
            row = next(row for row in own_tables if row[0] == lead.other[0])
            lefts = corrected([gain(results, dataset, SINGLE, row, score)])
            found += [(lead, left) for left in lefts]
    lost = corrected(
        gain(results, lead.dataset, left.other, lead.other, lead.score) for lead, left in found
    )
    texts = [_explained(results, *pair, own) for pair, own in zip(found, lost, strict=True)]
    return [Statement(kind="found", text=text, anchor="table-why_single") for text in texts]


def _explained(results: Results, lead: Gain, left: Gain, lost: Gain) -> str:
    """Say it; `lost` is the lead less what is left of it, seed by seed, which decides."""
    name = dataset_name(lead.dataset, results.simulated(lead.dataset))
    whose = f"the lead of separate models on {name}"
    share = 1 - left.found.mean / lead.found.mean
    if lost.sign < 0:
        begin = f"Embedding tables do not explain {whose}"
    elif not lost.sign:
        begin = f"It is not shown that embedding tables explain {whose}"
    else:
        part = "" if share >= 1 else f"{share:.0%} of ".replace("%", " %")
        begin = f"Embedding tables explain {part}{whose}"
    base, single = results.name(lead.other), results.name(SINGLE)
    rest = f"still leads by {of(left)}" if left.sign > 0 else "does not lead measurably"
    but = f"; the tables change {base} by {signed_of(lost)}, which may be luck ({interval(lost)})"
    return (
        f"{begin}: {single} leads {base} by {of(lead)} {lead.score.unit} ({interval(lead)}); once "
        f"each task of {base} has embedding tables of its own, {single} {rest} "
        f"({signed_of(left)}, {interval(left)}){'' if lost.sign else but}."
    )


def small_spaces(
    truth_files: Sequence[str], judged: Sequence[Mapping[str, str]]
) -> list[Statement]:
    """Say how many searches beat the average route where every route was trained."""
    truths = sorted(map(Truth.read, truth_files), key=lambda truth: truth.name)
    p_values, means, searched = [], [], []
    for _, group in groupby(truths, key=lambda truth: truth.name):
        for truth in group:
            found = read_judged([truth], [e for e in judged if _is_of(e, truth)])
            for one in (f for f in found if not f.is_control and f.picks is not None):
                gained = truth.over(one.losses, truth.chance())
                if gained.p_value is not None:
                    p_values.append(gained.p_value)
                    means.append(gained.mean)
                    searched.append(truth.title)
    if not p_values:
        return []
    adjusted = holm(p_values)
    better = sum(p < 1 - LEVEL and mean < 0 for p, mean in zip(adjusted, means, strict=True))
    return [Statement(kind="found", text=_in_small(better, searched), anchor=_anchor(truths))]


def _is_of(entry: Mapping[str, str], truth: Truth) -> bool:
    return entry["dataset"] == truth.dataset and entry.get("space", truth.name) == truth.name


def _anchor(truths: Sequence[Truth]) -> str:
    return f"table-regret_{truths[0].name}"


def _in_small(better: int, searched: Iterable[str]) -> str:
    titles = list(searched)
    number = len(titles)
    none, found = (str(better) if better else "none"), ("found" if number > 1 else "has found")
    return (
        f"In spaces so small that every route was trained, {none} of {number} "
        f"search{'es' * (number > 1)} on {counted(len(set(titles)), 'dataset')} {found} routes "
        "measurably better than a random one (corrected)."
    )
