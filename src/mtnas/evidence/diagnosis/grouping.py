"""The best grouping of tasks: chosen on validation, judged on test."""

from collections.abc import Mapping, Sequence
from functools import cache

import pandas as pd

from mtnas.evidence.diagnosis.truth import Grouping, Interval, Subset, Truth


def best_partition(tasks: Subset, value: Mapping[Subset, float]) -> Grouping:
    """Return the partition of the tasks into given subsets with the largest sum of their values.

    Of equally good ones it is one with fewer subsets. Each task alone must be among the subsets.
    """
    place = {task: 1 << number for number, task in enumerate(tasks)}
    masks = {subset: sum(place[task] for task in subset) for subset in value}

    @cache
    def best(left: int) -> tuple[float, int, Grouping]:
        if not left:
            return 0.0, 0, ()
        first, found = left & -left, []
        for subset, mask in masks.items():
            if mask & first and mask & left == mask:
                rest, groups, grouping = best(left & ~mask)
                found.append((rest + value[subset], groups - 1, (subset, *grouping)))
        return max(found, key=lambda own: own[:2])

    return best((1 << len(tasks)) - 1)[2]


def chosen_on(truth: Truth, seeds: Sequence[int]) -> Grouping:
    """Return the grouping with the largest summed mean gain on validation, over some seeds."""
    value = {
        subset: sum(
            float(truth.gain(subset, task, "valid").loc[list(seeds)].mean()) for task in subset
        )
        for subset in truth.subsets
    }
    return best_partition(truth.tasks, value)


def held_out(truth: Truth, baseline: Grouping) -> Interval | None:
    """Return the gain over a baseline on the test data of each seed, of what the others choose.

    A model that is good by luck is so on validation and test alike, so a grouping that was chosen
    on the very models that it is judged by looks too good; here it is not. None for one seed.
    """
    if len(truth.seeds) < 2:
        return None
    gains = {}
    for seed in truth.seeds:
        grouping = chosen_on(truth, [other for other in truth.seeds if other != seed])
        gains[seed] = float((truth.total(grouping) - truth.total(baseline)).loc[seed])
    return truth.interval(pd.Series(gains))
