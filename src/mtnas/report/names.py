"""Names as a reader sees them; an unknown name is shown as it is."""

from collections.abc import Iterable, Mapping
from typing import Any

METHODS = {
    "single_task": "Single",
    "shared_embedding": "Shared embedding",
    "share_bottom": "Share-Bottom",
    "mmoe": "MMoE",
    "cut_mmoe": "Cut MMoE",
    "ml_mmoe": "ML-MMoE",
    "cross_stitch": "Cross-stitch",
    "snr_trans": "SNR-Trans",
    "snr_aver": "SNR-Aver",
    "ple": "PLE",
    "mtnas": "MTNAS",
}
VARIANTS = {
    "paper": "",
    "inherit": "inherited weights",
    "finetune": "fine-tuned",
    "random_routes": "random routes",
    "full_sharing": "full sharing",
    "no_sharing": "no sharing",
    "mean_pooling": "mean pooling",
    "no_query_selection": "root query only",
    "common_epoch": "one epoch for both tasks",
    "own_epochs": "an epoch per task",
    "own_tables": "tables per task",
    "own_epochs_and_tables": "epoch and tables per task",
    "second_task_alone": "loss of the second task alone",
    "second_task_fourfold": "second task × 4",
    "second_task_quarter": "second task × ¼",
}
DATASETS = {
    "movielens": "MovieLens",
    "insteval": "InstEval",
    "bookcrossing": "Book-Crossing",
    "tiktok": "TikTok",
    "goodreads": "Goodreads",
    "census": "Census-Income",
    "flights": "NYC flights",
}
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


def method_name(method: str, variant: str = "paper") -> str:
    """Return such as `MTNAS (fine-tuned)`; the paper's own setting has no suffix."""
    if variant == "plus":
        return f"{METHODS.get(method, method)}+"
    suffix = VARIANTS.get(variant, variant)
    name = METHODS.get(method, method)
    return f"{name} ({suffix})" if suffix else name


def rank(method: str, variant: str) -> tuple[int, str, int, str]:
    """Return what sorts runs as tables show them: as listed above, unknown names behind."""
    methods, variants = list(METHODS), list(VARIANTS)
    return (
        methods.index(method) if method in methods else len(methods),
        method,
        variants.index(variant) if variant in variants else len(variants),
        variant,
    )


def dataset_name(dataset: str, simulated: bool = False) -> str:
    """Return such as `MovieLens`, marked where the rows are simulated."""
    name = DATASETS.get(dataset, dataset)
    return f"{name} ({SIMULATED})" if simulated else name


def synthetic_setting(options: Mapping[str, Any]) -> str:
    """Return such as `d = 20, m = 2`: what synthetic data are drawn from, but for rho."""
    scale = "" if options["scale"] == 1 else f", scale = {options['scale']:g}"
    return f"d = {options['dim']}, m = {options['num_sines']}{scale}"


def synthetic_name(options: Mapping[str, Any]) -> str:
    """Return such as `d = 20, m = 2, ρ = 0.5`."""
    return f"{synthetic_setting(options)}, ρ = {options['rho']:g}"


def strategy_name(strategy: str) -> str:
    """Return the display name of a search strategy."""
    return STRATEGIES.get(strategy, strategy)


def search_name(variant: str, space: str) -> str:
    """Return the display name of a search in a small space, such as `Gumbel-softmax`.

    Its variant is named after the space and what differs: `l1h3_four_routes` -> four routes.
    """
    what = variant.removeprefix(space).strip("_")
    if what in ("", "paper"):
        return f"{METHODS['mtnas']}, as in the paper"
    first, *rest = what.split("_")
    if first == "plus":
        return " ".join([method_name("mtnas", first), *rest])
    return STRATEGIES.get(what) or VARIANTS.get(what) or what.replace("_", " ")


def column_name(column: str) -> str:
    """Return the paper's heading of a score: `auc_t0` -> AUC0, `mtl_loss` -> MTL loss."""
    if column.startswith("auc_t"):
        return f"AUC{column.removeprefix('auc_t')}"
    return {"mtl_loss": "MTL loss"}.get(column, column)


def counted(number: int, noun: str) -> str:
    """Return such as `1 seed`, `2 seeds`, `3 queries`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def caption(text: str, simulated: Iterable[str]) -> str:
    """Return the caption of a figure; it says first of all which datasets are simulated."""
    names = ", ".join(dataset_name(name) for name in dict.fromkeys(simulated))
    return f"{SIMULATED}: {names}. {text}" if names else text
