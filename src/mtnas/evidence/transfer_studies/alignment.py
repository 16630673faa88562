"""Alignment: what pairs of tasks gain from a matrix of their own before what they share.

Algorithm 1 of Wu, Zhang, Ré (ICLR 2020), which says that 13 of 15 pairs improve. The control of
joint alignment has as many parameters elsewhere, that of frozen alignment trains as long, so that
what remains over them is not that of a larger model or of more steps.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from mtnas.evidence.pairing import on_common_seeds
from mtnas.evidence.subsets_record import InputSimilarity, subset_name
from mtnas.evidence.transfer_studies.runs import SubsetRun, grouped

METRIC = "accuracy"
NONE, CONTROL = "none", "control"
CONTROLS = {"joint": CONTROL, "frozen": "frozen_control"}  # each is trained as its alignment is
ALIGNED = tuple(CONTROLS)
COMPARED = (*((name, NONE) for name in (*CONTROLS, *CONTROLS.values())), *CONTROLS.items())
COLUMNS = (
    *("name", "dataset", "method", "capacity", "leaks", "simulated"),
    *("alignment", "over", "pair", "seed", "gain"),
    "resampling",
)
GROUP = list(COLUMNS[:6])
SIMILARITIES = tuple(InputSimilarity.model_fields)


def pair_gains(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return what each pair of tasks gains by alignment over none and over the control.

    A line (`COLUMNS`) per group of runs that differ in alignment alone, alignment, what it is
    compared with (`over`), pair and seed: the mean over both tasks, more is better.
    """
    lines = [line for group in grouped(runs, "training.alignment") for line in _gains(group)]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def similarities(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return how similar the inputs of pairs of tasks are without alignment, and with it.

    A line per group of runs that differ in alignment alone, alignment, pair and seed: each of
    `SIMILARITIES` by its name with alignment, and with `_before` behind it without.
    """
    lines = []
    for group in grouped(runs, "training.alignment"):
        by_alignment: dict[str, SubsetRun] = {run.training.alignment: run for run in group}
        before = _similarities(by_alignment.get(NONE))
        for alignment in ALIGNED:
            after = _similarities(by_alignment.get(alignment))
            for pair, seed in (key for key in after if key in before):
                own = after[pair, seed].model_dump()
                old = before[pair, seed].model_dump()
                facts = {**_facts(by_alignment[alignment]), "alignment": alignment}
                facts |= {"pair": pair, "seed": seed}
                lines.append(facts | own | {f"{name}_before": old[name] for name in old})
    columns = [*GROUP, "alignment", "pair", "seed", "resampling", *SIMILARITIES]
    columns += [f"{name}_before" for name in SIMILARITIES]
    return pd.DataFrame(lines, columns=columns)


def _similarities(run: SubsetRun | None) -> dict[tuple[str, int], InputSimilarity]:
    """Return the similarity of every pair and seed, in their order."""
    fits = () if run is None else run.scores.record.fits
    return {(fit.subset, fit.seed): fit.similarity for fit in fits if fit.similarity}


def paths(runs: Iterable[SubsetRun], group: Mapping[str, Any]) -> list[str]:
    """Return the paths of the scores behind a group of lines."""
    return [run.path for run in runs if all(_facts(run)[k] == group[k] for k in GROUP)]


def _gains(group: list[SubsetRun]) -> Iterator[dict[str, Any]]:
    by_alignment: dict[str, SubsetRun] = {run.training.alignment: run for run in group}
    for alignment, over in COMPARED:
        ours, other = by_alignment.get(alignment), by_alignment.get(over)
        if ours and other:
            facts = {**_facts(ours), "alignment": alignment, "over": over}
            yield from (facts | line for line in _of_pairs(ours, other))


def _of_pairs(ours: SubsetRun, other: SubsetRun) -> Iterator[dict[str, Any]]:
    pairs = [tasks for tasks in ours.scores.record.spec.subsets if len(tasks) == 2]
    for tasks in pairs:
        name = subset_name(tasks)
        a, b = on_common_seeds(
            ours.mean_score(name, tasks, METRIC), other.mean_score(name, tasks, METRIC)
        )
        for seed, gain in (a - b).items():
            yield {"pair": name, "seed": seed, "gain": gain}


def _facts(run: SubsetRun) -> dict[str, Any]:
    name, dataset, method, _ = run.key
    facts = (name, dataset, method, run.capacity, run.leaks, run.simulated)
    known = dict(zip(GROUP, facts, strict=True))
    return {**known, "resampling": run.resampling}
