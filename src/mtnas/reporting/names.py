"""Names as a reader sees them; an unknown name is shown as it is."""

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


def dataset_name(dataset: str, simulated: bool = False) -> str:
    """Return such as `MovieLens`, marked where the rows are simulated."""
    name = DATASETS.get(dataset, dataset)
    return f"{name} ({SIMULATED})" if simulated else name


def strategy_name(strategy: str) -> str:
    """Return the display name of a search strategy."""
    return STRATEGIES.get(strategy, strategy)


def search_name(variant: str, space: str) -> str:
    """Return the display name of a search in a small space, such as `Gumbel-softmax`.

    Its variant is named after the space and what differs: `l1h3_four_routes` -> four routes.
    """
    what = variant.removeprefix(space).strip("_")
    if not what:
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
