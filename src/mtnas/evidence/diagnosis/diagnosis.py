"""The diagnosis of a dataset: everything that tells which tasks should share, in one file."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd

from mtnas.evidence.diagnosis.decide import decide
from mtnas.evidence.diagnosis.measures import Measures
from mtnas.evidence.diagnosis.pooled import gains_of_pairs
from mtnas.evidence.diagnosis.predict import mean_measures, predictions
from mtnas.evidence.diagnosis.report import (
    Diagnosis,
    Gain,
    GroupingReport,
    MeasureOfPair,
    Pair,
)
from mtnas.evidence.diagnosis.sentences import sentences
from mtnas.evidence.diagnosis.surrogate import surrogates
from mtnas.evidence.diagnosis.text import recommendation
from mtnas.evidence.diagnosis.truth import Grouping, Interval, Truth
from mtnas.evidence.diagnosis.widths import capacity_of, widening_of
from mtnas.evidence.statistics import holm
from mtnas.evidence.subsets_record import SubsetScores, subset_name
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_text
from mtnas.tasks.metrics import metric_of


def write_diagnosis(
    json: str | Path, text: str | Path, *, measures: str | Path, subsets: Sequence[str | Path]
) -> None:
    """Diagnose a dataset; write the record, and the recommendation for readers.

    Args:
        json: where to write `Diagnosis`.
        text: where to write the recommendation.
        measures: the folder with `Measures`.
        subsets: the folder with the scores of subsets and, if it was measured, the one of models
            whose tasks have embedding tables of their own.
    """
    own, *tables = (SubsetScores.read(folder) for folder in subsets)
    found = diagnosis_of(Measures.read(measures), own, tables[0] if tables else None)
    write_text(text, recommendation(found))
    found.write(json, [text])


def diagnosis_of(
    measures: Measures, scores: SubsetScores, own_tables: SubsetScores | None = None
) -> Diagnosis:
    """Return the diagnosis of a dataset.

    Raises:
        RecordError: the files are of different datasets, tables or seeds.
    """
    _check_same(measures, scores, own_tables)
    truth = Truth(scores)
    learned = truth.learned
    decision = decide(learned)
    tables = gain_of_tables(learned, own_tables, decision.recommended)
    means, pairs = mean_measures(measures.frame), pairs_of(truth)
    dataset = scores.record.spec.dataset
    return Diagnosis(
        dataset=dataset,
        simulated=scores.record.simulated,
        tasks=scores.record.tasks,
        same_rows=same_rows(scores),
        seeds=tuple(truth.seeds),
        metric=truth.name,
        unit=truth.unit,
        gains=gains_of(truth),
        pairs=pairs,
        grouping=GroupingReport.of(decision, truth),
        tables=tables,
        measures=measures_of(means),
        predicts=tuple(predictions([means], [gains_of_pairs(dataset, pairs)])),
        surrogates=tuple(surrogates(truth)),
        capacity=capacity_of(measures),
        widening=widening_of(measures),
        sentences=sentences(truth, decision, tables),
    )


def measures_of(means: pd.DataFrame) -> tuple[MeasureOfPair, ...]:
    """Return the mean of every measure over seeds (`mean_measures`)."""
    return tuple(
        MeasureOfPair(
            measure=line.measure,
            first=line.first,
            second=line.second,
            layer=line.layer,
            value=_number(line.value),
        )
        for line in means.itertuples()
    )


def same_rows(scores: SubsetScores) -> bool:
    """Whether every subset learns from equally many rows: then they are the same rows."""
    of_seeds = scores.record.rows.values()
    return bool(of_seeds) and all(len(set(rows.values())) == 1 for rows in of_seeds)


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def gains_of(truth: Truth) -> tuple[Gain, ...]:
    """Return what every task gains in every subset."""
    return tuple(
        Gain(
            subset=line.subset,
            task=line.task,
            metric=line.metric,
            mean=line.mean,
            low=_number(line.low),
            high=_number(line.high),
            p_value=_number(line.p_value),
        )
        for line in truth.frame.itertuples()
    )


def _check_same(measures: Measures, scores: SubsetScores, own_tables: SubsetScores | None) -> None:
    """Refuse what was not measured on the same splits of the same table."""
    others = [scores.record] if own_tables is None else [scores.record, own_tables.record]
    for record in others:
        ours = (measures.record.spec.dataset, measures.record.data, measures.record.splits)
        if (record.spec.dataset, record.data, record.splits) != ours:
            raise RecordError(
                f"diagnosis: the measures are of {ours[0]}, the scores of "
                f"{'/'.join(record.spec.job)}, and they are not of the same table, seeds and "
                "splits; make both again with one configuration"
            )


def pairs_of(truth: Truth) -> tuple[Pair, ...]:
    """Return what each task gains from each other one, in a model of the two."""
    known = {(gain.subset, gain.task): gain for gain in gains_of(truth)}
    found = []
    for first, second in permutations(truth.tasks, 2):
        subset = subset_name(tuple(task for task in truth.tasks if task in (first, second)))
        if (subset, second) in known:
            found.append((first, known[subset, second]))
    values = [gain.p_value for _, gain in found if gain.p_value is not None]
    adjusted = dict(enumerate(holm(values).tolist())) if len(values) == len(found) else {}
    return tuple(
        Pair(
            first=first,
            second=gain.task,
            adjusted=adjusted.get(number),
            verdict=_verdict(gain, len(truth.seeds)),
            **gain.model_dump(exclude={"subset", "task"}),
        )
        for number, (first, gain) in enumerate(found)
    )


def _verdict(gain: Gain, seeds: int) -> str:
    if gain.low is None or gain.high is None or gain.low <= 0 <= gain.high:
        return f"no difference that {seeds} seed{'s' * (seeds > 1)} can show"
    return "helps" if gain.mean > 0 else "harms"


def gain_of_tables(
    truth: Truth, own_tables: SubsetScores | None, grouping: Grouping
) -> Interval | None:
    """Return what own embedding tables gain over the recommended grouping, mean over tasks.

    In its groups; where it keeps all tasks apart, in one model for all. None: not measured.
    """
    if own_tables is None:
        return None
    groups = truth.together if grouping == truth.apart else grouping
    ours, other = _by_seed(truth, own_tables, groups), _by_seed(truth, truth.scores, grouping)
    return truth.interval(ours - other)


def _by_seed(truth: Truth, scores: SubsetScores, grouping: Grouping) -> "pd.Series[float]":
    """Return by seed the mean test score of the tasks in their groups; more is better."""
    frame = scores.frame[scores.frame["split"] == "test"]
    known = frame.set_index(["subset", "task", "metric", "seed"])["value"]
    total = pd.Series(0.0, index=truth.seeds)
    for subset in grouping:
        for task in subset:
            metric = truth.metric_of_task[task]
            better = -1 if metric_of(metric).is_loss else 1
            keys = [(subset_name(subset), task, metric, seed) for seed in truth.seeds]
            total += better * known[keys].to_numpy() / len(truth.tasks)
    return total
