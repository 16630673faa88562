"""Where a key of a configuration was written, for messages: which file, or the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mtnas.config.files import read_overlay
from mtnas.runtime.options import Keys


@dataclass(frozen=True)
class Origins:
    """The files of a configuration, of which later ones win, and what `--config` sets."""

    files: tuple[Path, ...] = ()
    typed: Mapping[str, object] = field(default_factory=dict)

    def place(self, keys: Keys, name: int | str | None = None) -> str:
        """Return where a key (or `name` below it) was set, and its path: `my.yaml: seeds`.

        That is in `--config`, in the last file that has the key, or, by default, in `config`.
        """
        looked_for = keys if name is None else (*keys, name)
        source = "--config" if _has(self.typed, looked_for) else self._file_with(looked_for)
        path = ".".join(map(str, keys))
        return f"{source}: {path}" if path else source

    def _file_with(self, keys: Keys) -> str:
        for file in reversed(self.files):
            if file.is_file() and _has(_read(file, file.stat().st_mtime_ns), keys):
                return str(file)
        return "config"


@cache
def _read(file: Path, changed: int) -> Any:
    """Return what a file says since it was changed last: a large one takes a second to read."""
    return read_overlay(file)


def _has(value: Any, keys: Keys) -> bool:
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
