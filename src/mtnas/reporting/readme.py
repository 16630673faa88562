"""Numbers and lists in README and docs: written between markers, never typed.

Numbers come from `results/published/`, lists of fields from the datasets.

A block is `<!-- generated: NAME -->` ... `<!-- /generated -->`; `make readme` fills it, a test
compares.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mtnas.errors import RecordError, unknown
from mtnas.files import read_json, write_text
from mtnas.records import ALL_TASKS
from mtnas.reporting import claims as ledger
from mtnas.reporting import fields, performance
from mtnas.reporting.names import column_name, dataset_name, method_name
from mtnas.reporting.paper import paper_score
from mtnas.statistics import Difference, paired_difference

COMPARED = ("single_task", "share_bottom", "mmoe", "ml_mmoe")
CONTROLS = ("random_routes", "full_sharing")
OURS = ("mtnas", "paper")
BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w.]+) -->\n).*?(<!-- /generated -->)", re.S)

RESTORE = "restore it with `git checkout results/published`"

Scores = dict[tuple[str, str, str], pd.DataFrame]


def refresh(documents: Iterable[str | Path], published: str | Path) -> list[Path]:
    """Fill every block of `documents`; return the files that changed."""
    changed = []
    for path in map(Path, documents):
        text = path.read_text(encoding="utf-8")
        filled = fill(text, Path(published), where=str(path))
        if filled != text:
            write_text(path, filled)
            changed.append(path)
    return changed


def fill(text: str, published: Path, where: str) -> str:
    """Return `text` with every block rendered from the published results."""

    def render(block: re.Match[str]) -> str:
        name = block["name"]
        if name in RENDERERS:
            content = RENDERERS[name](published)
        elif name.startswith("performance."):
            content = performance.table(published, name.removeprefix("performance."))
        elif name.startswith("fields."):
            content = fields.table(name.removeprefix("fields."))
        elif (published / "tables" / f"{name}.md").is_file():
            content = (published / "tables" / f"{name}.md").read_text(encoding="utf-8")
        else:
            allowed = [*RENDERERS, *(p.stem for p in (published / "tables").glob("*.md"))]
            raise RecordError(unknown("generated block", name, allowed, where))
        return f"{block[1]}{content.strip()}\n{block[3]}"

    return BLOCK.sub(render, text)


def read_scores(published: Path) -> Scores:
    """Return the test scores of every run: a row per seed, columns such as `auc_t0`, `mtl_loss`."""
    metrics = pd.read_csv(published / "metrics.csv.gz")
    test = metrics[(metrics["split"] == "test") & (metrics["metric"] != "log_loss")]
    suffix = test["task"].map(lambda task: "" if task == ALL_TASKS else f"_{task}")
    test = test.assign(column=test["metric"] + suffix)
    return {
        (str(d), str(m), str(v)): rows.pivot(index="seed", columns="column", values="value")
        for (d, m, v), rows in test.groupby(["dataset", "method", "variant"], sort=False)
    }


def headline(published: Path) -> str:
    """Render the means of Table 2, one line per dataset and score."""
    scores, simulated = read_scores(published), _simulated(published)
    methods = [*((name, "paper") for name in COMPARED), OURS]
    lines = [
        _row(["Test score", *(method_name(*m) for m in methods), "MTNAS in the paper"]),
        _row([":--", *["--:"] * (len(methods) + 1)]),
    ]
    for dataset in dict.fromkeys(d for d, _, _ in scores):
        for column in scores[dataset, *OURS].columns:
            means = [f"{scores[dataset, *m][column].mean():.4f}" for m in methods]
            paper = None if dataset in simulated else paper_score(dataset, "mtnas", column)
            printed = "" if paper is None else f"{paper:.4f}"
            title = f"{dataset_name(dataset, dataset in simulated)} {column_name(column)}"
            lines.append(_row([title, *means, printed]))
    return "\n".join(lines)


def findings(published: Path) -> str:
    """Render, per dataset, what the paired intervals say of MTNAS against the others."""
    scores, simulated = read_scores(published), _simulated(published)
    lines = []
    for dataset in dict.fromkeys(d for d, _, _ in scores):
        ours = scores[dataset, *OURS]
        compared = [scores[dataset, name, "paper"] for name in COMPARED]
        controls = [scores[dataset, "mtnas", name] for name in CONTROLS]
        lines.append(
            f"* **{dataset_name(dataset, dataset in simulated)}** ({len(ours)} seeds): of "
            f"{_tally(ours, compared)} when MTNAS is compared with the four methods of the paper; "
            f"of {_tally(ours, controls)} when it is compared with random routes and full sharing."
        )
    return "\n".join(lines)


def searched(published: Path) -> str:
    """Render how far each search moved from a uniform choice."""
    lines, simulated = [], _simulated(published)
    for path in sorted((published / "routes").glob("*/*/*.json")):
        record = read_json(path, remedy=RESTORE)
        if record["strategy"] != "reinforce":
            continue
        blocks = [b for seed in record["seeds"].values() for b in seed["blocks"].values()]
        entropy = sum(b["entropy"] for b in blocks) / len(blocks)
        uniform = sum(b["uniform_entropy"] for b in blocks) / len(blocks)
        chosen = sorted(b["probability"] for b in blocks)
        epochs = _epochs(record["spec"], published)
        name = dataset_name(record["dataset"], record["dataset"] in simulated)
        if record["variant"] != "paper":
            name = f"{name}, {method_name(record['method'], record['variant'])}"
        lines.append(
            f"* **{name}**: mean entropy of a block {entropy:.3f} of "
            f"{uniform:.3f} nats (uniform); median probability of the chosen local route "
            f"{chosen[len(chosen) // 2]:.3f}, largest {chosen[-1]:.3f}; "
            f"the search is {epochs:.1f} epochs long."
        )
    return "\n".join(lines)


def _simulated(published: Path) -> set[str]:
    """Name the datasets whose rows are simulated: wherever one is named, it is said."""
    records = read_json(published / "runs.json", remedy=RESTORE)
    return {key.split("/")[0] for key, record in records.items() if record["simulated"]}


def _epochs(spec: Mapping[str, Any], published: Path) -> float:
    """Return how often the steps of a search go through the training examples."""
    path = published / "data" / f"{spec['dataset']}.json"
    train = read_json(path, ("split_sizes",), remedy=RESTORE)["split_sizes"]["train"]
    steps = spec["search"]["steps"] + spec["search"].get("warmup_steps", 0)
    return float(steps / (train // spec["training"]["batch_size"]))


def runtimes(published: Path) -> str:
    """Render the seconds that search and training took, all seeds together, per run.

    A search stands in the row of the variant that made it; others that share it have none.
    """
    records = read_json(published / "runs.json", remedy=RESTORE)
    lines = [
        _row(["Run", "seeds", "dense parameters", "search, s", "training, s", "threads"]),
        _row([":--", "--:", "--:", "--:", "--:", "--:"]),
    ]
    for key, record in records.items():
        dataset, method, variant = key.split("/")
        if not record["parameters"]:
            continue
        lines.append(
            _row(
                [
                    f"{dataset_name(dataset, bool(record['simulated']))}, "
                    f"{method_name(method, variant)}",
                    str(len(record["spec"]["seeds"])),
                    f"{record['parameters']['dense']:,}",
                    _search_seconds(published / "routes" / f"{key}.json"),
                    f"{record['timings']['train_seconds']:.0f}",
                    str(record["timings"]["threads"]),
                ]
            )
        )
    return "\n".join(lines)


def _search_seconds(routes: Path) -> str:
    if not routes.is_file():
        return ""
    timings = read_json(routes, ("timings",), remedy=RESTORE)["timings"]
    return f"{timings['search_seconds']:.0f}"


def claims(published: Path) -> str:
    """Render one line per claim of the paper: its verdict and the interval that decides."""
    return ledger.summary(ledger.read_ledger(published / "claims" / "claims.json", RESTORE))


RENDERERS: dict[str, Callable[[Path], str]] = {
    "performance": performance.ratios,
    "claims": claims,
    "headline": headline,
    "findings": findings,
    "searched": searched,
    "runtimes": runtimes,
}


def _tally(ours: pd.DataFrame, others: list[pd.DataFrame]) -> str:
    """Count paired comparisons whose 95 % interval favours MTNAS, the other, or neither."""
    better = worse = undecided = 0
    for other in others:
        for column in ours.columns:
            gain = paired_difference(ours[column], other[column])
            if not gain.excludes_zero:
                undecided += 1
            elif _favours(gain, column):
                better += 1
            else:
                worse += 1
    total = better + worse + undecided
    return (
        f"{total} paired 95 % intervals (AUCs and loss), {better} favour MTNAS, "
        f"{worse} the other side and {undecided} include zero"
    )


def _favours(gain: Difference, column: str) -> bool:
    return (gain.mean > 0) == column.startswith("auc_")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
