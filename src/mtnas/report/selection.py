"""Which runs and searches each table and figure is of.

Functions of an inventory: the rules ask them of a study, `report.rebuild` of what is published.
"""

from collections.abc import Sequence
from typing import Literal

from mtnas.study.paths import Run
from mtnas.study.plan import Inventory

MAIN = "main"
WHY_SINGLE = "why_single"  # an experiment, and the table of it
METHOD, PAPER = "mtnas", "paper"
TABLE5 = ("mean_pooling", "no_query_selection")  # variants of MTNAS, in the order of the paper
FIGURE1 = (("mmoe", PAPER), ("cut_mmoe", PAPER))
Kind = Literal["depth", "subnets"]
SWEEPS: dict[str, Kind] = {"figure7": "subnets", "figure7_layers": "depth"}


def main_runs(inventory: Inventory) -> list[Run]:
    """Return the runs of the main comparison."""
    return inventory.experiments.get(MAIN, [])


def synthetic(inventory: Inventory) -> list[str]:
    """Name the synthetic datasets."""
    return [name for name, facts in inventory.datasets.items() if facts.rho is not None]


def principal(inventory: Inventory) -> list[str]:
    """Name the datasets of Tables 1 to 4 and Figure 3: synthetic ones only if there are no others.

    Figures 4 to 6 are of synthetic data, whatever else there is.
    """
    measured = [name for name, facts in inventory.datasets.items() if facts.rho is None]
    return measured or list(inventory.datasets)


def table_runs(inventory: Inventory) -> dict[str, list[Run]]:
    """Return the runs of Tables 2, 3 and 5; three tasks have a table of their own, as printed.

    And those of the table that takes Single's lead apart.
    """
    main = [run for run in main_runs(inventory) if run[0] in principal(inventory)]
    wide = {name for name, facts in inventory.datasets.items() if facts.num_tasks > 2}
    return {
        "table2": [run for run in main if run[0] not in wide],
        "table3": [run for run in main if run[0] in wide],
        "table5": _with_variants(inventory, TABLE5, beside=("single_task", PAPER)),
        WHY_SINGLE: inventory.experiments.get(WHY_SINGLE, []),
    }


def tables(inventory: Inventory) -> list[str]:
    """Name the tables that there are runs for, in reading order."""
    found = [name for name, runs in table_runs(inventory).items() if runs]
    return [*sorted(["table1", "table4", *found]), *(f"regret_{name}" for name in inventory.judged)]


def searched(inventory: Inventory) -> list[Run]:
    """Return the searches whose curves are drawn: those of the main comparison."""
    datasets = principal(inventory)
    return inventory.searches_of(run for run in main_runs(inventory) if run[0] in datasets)


def searched_measured(inventory: Inventory) -> list[Run]:
    """Return the searches of Figure 3: those on measured data."""
    synthetic_ones = synthetic(inventory)
    return [run for run in searched(inventory) if run[0] not in synthetic_ones]


def figure1_runs(inventory: Inventory) -> list[Run]:
    """Return the runs of Figures 1(d) and 1(e), on measured data."""
    synthetic_ones = synthetic(inventory)
    runs = [run for run in inventory.runs if run[0] not in synthetic_ones]
    return [run for run in runs if run[1:] in FIGURE1]


def shown(inventory: Inventory) -> str | None:
    """Name the dataset whose methods and space Figures 1(a-c) and 2 show: that of 1(e), if any."""
    cut = [run[0] for run in figure1_runs(inventory) if run[1:] == FIGURE1[1]]
    return next(iter([*cut, *inventory.datasets]), None)


def sweep_runs(inventory: Inventory, kind: str) -> list[Run]:
    """Return the runs of MTNAS named `{kind}_1`, `{kind}_2` ..., and `paper` beside them."""
    variants = [v for _, m, v in inventory.runs if m == METHOD and v.startswith(f"{kind}_")]
    return _with_variants(inventory, variants)


def synthetic_runs(inventory: Inventory) -> list[Run]:
    """Return the runs of Figure 4."""
    datasets = synthetic(inventory)
    return [run for run in main_runs(inventory) if run[0] in datasets]


def unrelated(inventory: Inventory) -> list[Run]:
    """Return the searches of Figure 5: on synthetic tasks that have nothing in common."""
    runs = synthetic_runs(inventory)
    return inventory.searches_of(run for run in runs if inventory.datasets[run[0]].rho == 0)


def gated_runs(inventory: Inventory) -> list[Run]:
    """Return the runs of Figure 6."""
    return [run for run in synthetic_runs(inventory) if run[1] == "mmoe"]


def figures(inventory: Inventory) -> list[str]:
    """Name the figures that there are runs for, in reading order."""
    drawn = {
        "figure1": list(inventory.datasets),
        "figure2": [run for run in inventory.runs if run[1] == METHOD],
        "figure3": searched_measured(inventory),
        "search_curves": searched(inventory),
        **{name: sweep_runs(inventory, kind) for name, kind in SWEEPS.items()},
        "figure4": synthetic_runs(inventory),
        "figure5": unrelated(inventory),
        "figure6": gated_runs(inventory),
        **{f"exhaustive_{space}": [space] for space in inventory.judged},
    }
    return [name for name, of in drawn.items() if of]


def _with_variants(
    inventory: Inventory, variants: Sequence[str], beside: tuple[str, str] | None = None
) -> list[Run]:
    """Return the runs of some variants of MTNAS, with those of `paper` (and one other) beside them.

    Datasets without any of the variants are left out.
    """
    runs = inventory.runs
    having = {d for d, m, v in runs if m == METHOD and v in variants}
    wanted = [*((METHOD, variant) for variant in variants), (METHOD, PAPER), beside]
    return [run for run in runs if run[0] in having and run[1:] in wanted]
