"""Subsets of the tasks of a dataset: which a study names, and checks of what it says of them."""

from collections.abc import Sequence
from itertools import chain, combinations
from random import Random

from mtnas.config.options import RunKey
from mtnas.config.study import Study
from mtnas.runtime.errors import ConfigError, unknown

MOST_TASKS = 7  # of which every subset is trained: 127
DRAWN_SUBSETS = 30  # of more tasks, beside every two
Subset = tuple[str, ...]  # names of tasks, in the order of the dataset


def task_subsets(study: Study, name: str, dataset: str) -> tuple[Subset, ...]:
    """Return the subsets of the tasks of a dataset that an entry of `subsets` asks for.

    Each task alone comes first, all tasks together come last.

    Raises:
        ConfigError: a task does not exist, a subset is there twice, or there are too many.
    """
    tasks, asked = study.tasks_of(dataset), study.subsets[name].tasks
    if asked == "most":
        asked = "all" if len(tasks) <= MOST_TASKS else _pairs_and_some(tasks)
    where = study.place("subsets", name, "tasks")
    if asked == "all":
        _check_number(tasks, dataset, where)
        sizes: Sequence[int] = range(1, len(tasks) + 1)
        return tuple(chain.from_iterable(combinations(tasks, size) for size in sizes))
    named = combinations(tasks, 2) if isinstance(asked, str) else asked
    wanted = [_in_order(own, tasks, dataset, where) for own in named]
    for subset in (s for number, s in enumerate(wanted) if s in wanted[:number]):
        raise ConfigError(f"{where}: names {list(subset)} more than once")
    every = dict.fromkeys([*((task,) for task in tasks), *wanted, tasks])
    return tuple(sorted(every, key=lambda own: (len(own), [tasks.index(task) for task in own])))


def _pairs_and_some(tasks: Subset) -> tuple[Subset, ...]:
    """Return every two tasks, and larger subsets of them, always the same ones drawn at random."""
    drawn, pairs = Random(0), list(combinations(tasks, 2))
    some = {
        tuple(sorted(drawn.sample(tasks, drawn.randint(3, len(tasks) - 1)), key=tasks.index))
        for _ in range(DRAWN_SUBSETS)
    }
    return (*pairs, *sorted(some))


def _check_number(tasks: Sequence[str], dataset: str, where: str) -> None:
    size = len(tasks)
    if size > MOST_TASKS:
        raise ConfigError(
            f"{where}: 'all', but the {size} tasks of {dataset} have {2**size - 1} subsets, more "
            f"than the {2**MOST_TASKS - 1} of {MOST_TASKS} tasks that are trained one and all; "
            f"take tasks: pairs ({size * (size - 1) // 2} of them), or list the subsets you want"
        )


def _in_order(own: Sequence[str], tasks: Subset, dataset: str, where: str) -> Subset:
    """Return the names of a subset in the order of all tasks."""
    for task in own:
        if task not in tasks:
            raise ConfigError(unknown(f"task of {dataset}", task, tasks, where))
    return tuple(sorted(own, key=tasks.index))


def check_subsets(study: Study) -> None:
    """Refuse subsets that do not exist or are too many, and what no subset of tasks can learn."""
    for name in study.subsets:
        for run in study.subset_runs(name):
            _check_method(study, name, run)
            _check_selection(study, run)
            _check_sizes(study, name, run)
            _check_weights(study, run)


def _check_method(study: Study, name: str, run: RunKey) -> None:
    """Refuse methods whose models have no subset of tasks."""
    method = study.method(run[1])
    if method.is_control:
        why = "predicts from the labels and trains nothing"
    elif method.per_task:
        why = "has a model for every task, so a subset of its tasks changes nothing"
    elif method.searches:
        why = "searches a route of all tasks, which no subset of them has"
    else:
        return
    allowed = [
        other
        for other, known in study.known.items()
        if not (known.is_control or known.per_task or known.searches)
    ]
    where = study.place("subsets", name, "methods")
    raise ConfigError(f"{where}: {run[1]!r} {why}; allowed: {', '.join(allowed)}")


def _check_selection(study: Study, run: RunKey) -> None:
    """Refuse one best epoch for all subsets of a seed: none could then be compared with another."""
    if study.training_of(*run).selection == "seed":
        raise ConfigError(
            f"{study.place_of_training(run, 'selection')}: 'seed', but subsets of tasks "
            "(`subsets`) are compared, so each needs the best epoch of its own; use selection: "
            "model, or a variant with it"
        )


def _check_sizes(study: Study, name: str, run: RunKey) -> None:
    """Refuse a dataset with one task, and options that do not suit the tasks of some subset."""
    subsets = task_subsets(study, name, run[0])
    if len(subsets) == 1:
        raise ConfigError(
            f"{study.place('subsets', name)}: {run[0]} has one task, so there is no other that it "
            "could gain from; leave the dataset out"
        )
    for size in sorted({len(subset) for subset in subsets}):
        try:
            study.options(*run).check_tasks(size)
        except ConfigError as error:
            option, _, reason = str(error).partition(": ")
            where = study.place_of(run, option)
            raise ConfigError(f"{where}: for {size} tasks of {run[0]}: {reason}") from None


def _check_weights(study: Study, run: RunKey) -> None:
    """Refuse a task whose loss has no weight: alone it would learn nothing."""
    weights = study.training_of(*run).loss_weights
    if weights is not None and 0 in weights:
        task = study.tasks_of(run[0])[weights.index(0)]
        raise ConfigError(
            f"{study.place_of_training(run, 'loss_weights')}: 0 for task {task!r} of {run[0]}, "
            "which alone would learn nothing, and `subsets` trains every task alone; give it a "
            "positive weight"
        )
