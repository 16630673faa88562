"""Tables and figures, one file each; a file name is a registration.

A file holds `EXHIBIT`, an instance of `base.TableExhibit` or `base.FigureExhibit`. Nothing here
imports torch, matplotlib or scipy.stats: the workflow is parsed again by every job.
"""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from mtnas.report.exhibits.base import Exhibit, Needs, titled
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.study.fingerprints import code_of
from mtnas.study.plan import Plan


@dataclass(frozen=True)
class Planned:
    """One table or figure of a study: the file that makes it, and what it is made from."""

    name: str
    kind: Literal["table", "figure"]
    file: str
    needs: Needs

    @property
    def title(self) -> str:
        """Return what the first line of its file says that it is."""
        return (_module(self.file).__doc__ or self.name).strip().splitlines()[0].rstrip(".")

    @property
    def code(self) -> str:
        """Fingerprint the code behind it."""
        return code_of(f"report/exhibits/{self.file}.py")


def load(file: str) -> Exhibit[Any]:
    """Return the exhibit of a file of this folder."""
    exhibit: Exhibit[Any] = _module(file).EXHIBIT
    return exhibit


def _module(file: str) -> ModuleType:
    return plugins.load(sys.modules[__name__], file, kind="exhibit", where="report/exhibits")


def planned(plan: Plan) -> dict[str, Planned]:
    """Return the tables and figures that a study has the runs for, by name, in reading order.

    Raises:
        ConfigError: two files make an exhibit of one name.
    """
    files = {file: load(file) for file in plugins.available(sys.modules[__name__])}
    found: dict[str, Planned] = {}
    for file, exhibit in sorted(files.items(), key=lambda item: (item[1].place, item[0])):
        for name, needs in exhibit.needs(plan).items():
            if name in found:
                raise ConfigError(
                    f"report/exhibits/{file}.py: {name} is made by {found[name].file}.py, too; "
                    "rename one"
                )
            found[name] = Planned(name, exhibit.kind, file, titled(plan, needs))
    return found


def named(exhibits: dict[str, Planned], name: str, kind: str) -> Planned:
    """Return the table or figure of a name; `ConfigError` if a study has none."""
    known = [other for other, exhibit in exhibits.items() if exhibit.kind == kind]
    if name not in known:
        raise ConfigError(unknown(f"{kind} of this study", name, known, "results"))
    return exhibits[name]
