"""The inventory of what is published: those of several studies as one, and what is taken out."""

import math
from collections.abc import Iterable, Mapping

from mtnas.config.entries import PAPER
from mtnas.config.options import RunKey
from mtnas.report.names import REFERENCE
from mtnas.runtime import plugins
from mtnas.study.plan import Plan, Variant


def merged(old: Plan, new: Plan) -> Plan:
    """Return both; what the new one says of a run, a dataset or a space replaces what the old says.

    Runs and exhaustive tables stand in the order of the datasets, runs then in that of methods and
    variants, so that it does not matter in which order studies are published.
    """
    datasets = {**old.datasets, **new.datasets}
    variants = {**old.variants, **new.variants}
    of_new = set(new.runs)
    experiments = {
        name: in_order(
            [*old.experiments.get(name, ()), *new.experiments.get(name, ())], datasets, variants
        )
        for name in {**old.experiments, **new.experiments}
    }
    homes = {run: home for run, home in old.homes.items() if run not in of_new} | new.homes
    places, judged = list(datasets), {}
    for space in {**old.judged, **new.judged}:
        of = {**old.judged.get(space, {}), **new.judged.get(space, {})}
        judged[space] = {dataset: of[dataset] for dataset in sorted(of, key=places.index)}
    subsets = {
        name: in_order([*old.subsets.get(name, ()), *new.subsets.get(name, ())], datasets, variants)
        for name in {**old.subsets, **new.subsets}
    }
    simulated = tuple(dict.fromkeys([*old.simulated_studies, *new.simulated_studies]))
    restarted = tuple(run for run in old.restarted if run not in of_new) + new.restarted
    restarted = tuple(in_order(restarted, datasets, variants))
    return Plan(datasets, experiments, homes, judged, variants, subsets, simulated, restarted)


def in_order(
    runs: Iterable[RunKey], datasets: Iterable[str], variants: Mapping[tuple[str, str], Variant]
) -> list[RunKey]:
    """Return runs, each once, by dataset, method and variant."""
    places = {name: place for place, name in enumerate(datasets)}
    return sorted(dict.fromkeys(runs), key=lambda run: (places[run[0]], *_place(run, variants)))


def _place(
    run: RunKey, variants: Mapping[tuple[str, str], Variant]
) -> tuple[float, str, float, str]:
    """Return what sorts runs of a dataset: methods by `PLACE` of their files, others behind them;
    variants as their studies list them, `paper` first.
    """
    _, method, variant = run
    place = getattr(plugins.part("methods", method, ("PLACE",)), "PLACE", math.inf)
    known = variants.get((method, variant))
    within = (0 if variant == PAPER else known.place if known else math.inf, variant)
    return place, method, *within


def without(plan: Plan, name: str) -> Plan:
    """Return an inventory without a dataset, a run, scores of subsets or a simulated study."""
    experiments = {
        experiment: [run for run in runs if not is_named(run, name)]
        for experiment, runs in plan.experiments.items()
    }
    judged = {
        space: {
            dataset: [j for j in found if not is_named((dataset, REFERENCE, j.home), name)]
            for dataset, found in of.items()
            if dataset != name
        }
        for space, of in plan.judged.items()
    }
    subsets = {
        entry: [run for run in runs if name not in (run[0], f"subsets/{entry}/{'/'.join(run)}")]
        for entry, runs in plan.subsets.items()
    }
    return Plan(
        {dataset: facts for dataset, facts in plan.datasets.items() if dataset != name},
        {experiment: runs for experiment, runs in experiments.items() if runs},
        {run: home for run, home in plan.homes.items() if not is_named(run, name)},
        {space: of for space, of in judged.items() if of},
        plan.variants,
        {entry: runs for entry, runs in subsets.items() if runs},
        tuple(s for s in plan.simulated_studies if f"simulated_studies/{s}" != name),
        tuple(run for run in plan.restarted if not is_named(run, name)),
    )


def is_named(run: RunKey, name: str) -> bool:
    """Whether a name is that of a run, or of its dataset."""
    return name in (run[0], "/".join(run))
