"""Installed packages that hold the weights of an encoder, and nothing of which is run.

Their files are read as data, and only those we know: with others features would be other ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mtnas.data.sources.base import INSTALL
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import sha256_of


@dataclass(frozen=True)
class WeightPackage:
    """A package by its name and version, its folder, and the SHA-256 of the files that are read."""

    requirement: str  # as pip takes it
    module: str
    files: Mapping[str, str]
    install: str  # what pip is told to have it

    def file(self, name: str) -> Path:
        """Return one of its files.

        Raises:
            DataError: the package is not installed, or another version of it is.
        """
        spec = find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise DataError(
                f"the package {self.requirement} is not installed, whose weights make features of "
                f"texts; run `{INSTALL} {self.install}`"
            )
        path = Path(spec.submodule_search_locations[0], name)
        found = sha256_of(path) if path.is_file() else None
        if found != self.files[name]:
            raise DataError(
                f"{path}: {'missing' if found is None else f'has sha256 {found}'}, not the file of "
                f"{self.requirement} with {self.files[name]}; run "
                f"`{INSTALL} --force-reinstall --no-deps '{self.requirement}'`"
            )
        return path
