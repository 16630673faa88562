"""From the configuration to the spec of every job: validate, resolve, enumerate.

Nothing here imports torch: the workflow is parsed again by every job.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtnas.config.checks import check_study
from mtnas.config.resolve import (
    drawn_options,
    is_simulated,
    merged,
    num_tasks,
    resolve_options,
)
from mtnas.config.runs import (
    all_runs,
    experiment_runs,
    experiment_searches,
    search_home,
)
from mtnas.config.specs import (
    is_tuned,
    prepare_spec,
    run_spec,
    search_spec,
    simulate_spec,
    tune_spec,
)
from mtnas.config.study import BUDGET_METHOD, PAPER, Config, Run, Spec
from mtnas.schema import searches
from mtnas.study_schema import current_schema
from mtnas.validation import Origins, check, resolved_reference

__all__ = [
    "BUDGET_METHOD", "PAPER", "Config", "Run", "Spec", "all_runs", "drawn_options",
    "experiment_runs", "experiment_searches", "is_simulated", "is_tuned", "load", "merged",
    "num_tasks", "prepare_spec", "resolve_options", "run_spec", "search_home", "search_spec",
    "searches", "simulate_spec", "tune_spec",
]  # fmt: skip


def load(
    raw: Mapping[str, Any],
    files: Sequence[str | Path] = (),
    typed: Mapping[str, Any] | None = None,
) -> Config:
    """Validate a merged configuration.

    Messages name `files`, later ones win, and `--config` for what of it was `typed` there.
    """
    drawn = raw.get("synthetic")
    names = tuple(map(str, drawn)) if isinstance(drawn, Mapping) else ()
    schema = current_schema(names)
    origins = Origins(tuple(Path(file) for file in files), typed or {})
    values = check(raw, schema, origins)
    for key, part in schema["properties"].items():
        is_mapping = resolved_reference(part, schema).get("type") == "object"
        values.setdefault(key, {} if is_mapping else part.get("default"))
    for dataset in schema["properties"]["dataset_options"]["properties"]:
        raw_folder = values.pop(f"{dataset}_raw", None)
        if raw_folder is not None:
            values["dataset_options"].setdefault(dataset, {})["raw"] = raw_folder
    if not isinstance(values["seeds"], list):
        values["seeds"] = list(range(values["seeds"]))
    config = Config(values, schema, origins)
    check_study(config)
    return config
