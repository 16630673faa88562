"""The studies of this repository, as configurations."""

from typing import Any

import yaml

from mtnas import study as studies
from mtnas.config.schema import REPOSITORY


def shipped(*overlays: str, **changes: Any) -> studies.Config:
    """Load overlays of `config/` over the default study, and single keys over both."""
    files = [REPOSITORY / "config" / f"{name}.yaml" for name in ("config", *overlays)]
    read = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return studies.load(studies.merged(*read, changes))
