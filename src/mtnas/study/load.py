"""From a merged configuration to a validated one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtnas.config.study import Config
from mtnas.config.study_schema import current_schema
from mtnas.config.validation import Origins, check, resolved_reference
from mtnas.study.checks import check_study


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
