"""What a search leaves as files: routes.json and the weights of its supernets."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from mtnas.runtime.files import atomic_path, write_json


@dataclass(frozen=True)
class SearchRecord:
    """The routes of all seeds, and the supernets' weights under them (empty for controls)."""

    record: dict[str, Any]
    weights: dict[str, Tensor]
    kept: Path | None = None  # the folder of its checkpoints

    def write(self, *, routes: str | Path, supernet: str | Path, code: str | None = None) -> None:
        """Write both files, each atomically; checkpoints are not needed any more."""
        with atomic_path(supernet) as path:
            save_file({name: t.contiguous() for name, t in self.weights.items()}, path)
        write_json(routes, {**self.record, "code": code})
        if self.kept is not None:
            shutil.rmtree(self.kept, ignore_errors=True)
