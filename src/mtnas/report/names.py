"""Names as a reader sees them; what has no title is shown under its own name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mtnas.config.entries import PAPER
from mtnas.data.synthetic import SyntheticOptions
from mtnas.evidence.pairing import MTNAS
from mtnas.runtime import plugins
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import ALL_TASKS, OF_THE_LABEL, metric_of, split_column

if TYPE_CHECKING:
    import pandas as pd

    from mtnas.evidence.records import Run

REFERENCE = MTNAS[0]  # the method that the others are compared with
STRATEGIES = {
    "reinforce": "REINFORCE",
    "random_search": "random search",
    "exhaustive": "exhaustive, one supernet",
    "differentiable": "Gumbel-softmax",
    "random": "random routes",
    "full_sharing": "full sharing",
    "no_sharing": "no sharing",
}
SIMULATED = "SIMULATED DATA"
ALONE = float("inf")  # the rho of a dataset that has none


@dataclass(frozen=True)
class Names:
    """What readers call runs: `titles` of methods (`mmoe`) and of variants (`mtnas/plus`).

    A method that is not in it has the title of its file.
    """

    titles: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> "Names":
        """Return the names of all runs of a study."""
        return cls(titles(plan, plan.variants))

    def run(self, method: str, variant: str = PAPER) -> str:
        """Return such as `MTNAS (fine-tuned)`; the paper's own setting has no suffix.

        A title that begins with that of the method stands alone: `MTNAS+`.
        """
        name = self.titles.get(method) or plugins.title("methods", method)
        title = self.titles.get(f"{method}/{variant}", variant)
        if variant == PAPER or title.startswith(name):
            return name if variant == PAPER else title
        return f"{name} ({title})"

    def search(self, method: str, variant: str) -> str:
        """Return what a search is called beside others of the same method."""
        if variant == PAPER:
            return f"{self.run(method)}, as in the paper"
        return self.titles.get(f"{method}/{variant}", variant)


def titles(plan: Plan, rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the titles of some (method, variant) of a study, as `Names` takes them."""
    rows = list(rows)
    found = {method: plugins.title("methods", method) for method, _ in rows}
    return found | {"/".join(row): plan.variants[row].title for row in rows if row in plan.variants}


def dataset_titles(datasets: Iterable[str]) -> dict[str, str]:
    """Return what readers call some datasets, for rules: a new title makes their job run again."""
    return {name: dataset_name(name) for name in datasets}


def dataset_name(dataset: str, simulated: bool = False) -> str:
    """Return such as `MovieLens`, marked where the rows are simulated."""
    name = plugins.title("data.sources", dataset)
    return f"{name} ({SIMULATED})" if simulated else name


def synthetic_setting(options: SyntheticOptions) -> str:
    """Return such as `d = 20, m = 2`: what synthetic data are drawn from, but for rho."""
    scale = "" if options.scale == 1 else f", scale = {options.scale:g}"
    return f"d = {options.dim}, m = {options.num_sines}{scale}"


def synthetic_name(options: SyntheticOptions) -> str:
    """Return such as `d = 20, m = 2, ρ = 0.5`."""
    return f"{synthetic_setting(options)}, ρ = {options.rho:g}"


def panel_of(run: "Run") -> dict[str, str | float | bool]:
    """Return what rows of the data of a run begin with: its dataset, and where its panel is."""
    synthetic, simulated = run.record.synthetic, run.record.simulated
    name = dataset_name(run.key[0], simulated)
    return {
        "dataset": run.key[0],
        "setting": synthetic_setting(synthetic) if synthetic else name,
        "rho": synthetic.rho if synthetic else ALONE,
        "simulated": simulated,
    }


def strategy_name(strategy: str, judge: str = "supernet") -> str:
    """Return the display name of a search strategy, by `search.judge`, which scores its routes."""
    name = STRATEGIES.get(strategy, strategy)
    return f"{name.partition(',')[0]}, each trained" if judge == "training" else name


def column_name(column: str, unit: str = "") -> str:
    """Return the heading of a score: such as `AUC likes`, `RMSE stars (minutes)`, `MTL loss`.

    `unit` is that of the task. The AUC of a task that has only a number is `AUC0`, as in the paper.
    """
    metric, task = split_column(column)
    known = metric_of(column)
    if task == ALL_TASKS:
        return known.title
    if metric == "auc" and (number := numbered(task)):
        return f"{known.title}{number}"
    return f"{known.title} {task}" + f" ({unit})" * bool(unit and known.unit == OF_THE_LABEL)


def numbered(task: str) -> str | None:
    """Return the number of a task that has no other name (`t0`, `t1`, ...), as text."""
    found = re.fullmatch(r"t(\d+)", task)
    return found[1] if found else None


def task_name(task: str) -> str:
    """Return what a figure calls a task: `task 0` for `t0`, else its own name."""
    number = numbered(task)
    return task if number is None else f"task {number}"


def counted(number: int, noun: str) -> str:
    """Return such as `1 seed`, `2 seeds`, `3 queries`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def caption(text: str, simulated: Iterable[str]) -> str:
    """Return the caption of a figure; it says first of all which datasets are simulated."""
    names = ", ".join(dataset_name(name) for name in dict.fromkeys(simulated))
    return f"{SIMULATED}: {names}. {text}" if names else text


def simulated_caption(text: str, simulated: bool) -> str:
    """Return the caption of a figure; it says first of all if any of its data are simulated."""
    return f"{SIMULATED}. {text}" if simulated else text


def simulated_in(frame: "pd.DataFrame") -> list[str]:
    """Name the datasets in the data of a figure that are simulated."""
    return list(dict.fromkeys(frame.loc[frame["simulated"].astype(bool), "dataset"]))
