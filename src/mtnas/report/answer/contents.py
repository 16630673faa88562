"""What lies among the results: what belongs to this study, and what another one left there."""

from collections.abc import Iterable
from pathlib import Path

from mtnas.runtime.files import write_json

LOOKED_AT = (
    "results/tables/*.md",
    "results/figures/*.png",
    "results/diagnosis/*",
    "results/data/*",
    "results/runs/*/*/*",
    "results/routes/*/*/*",
)
SHOWN = ("results/tables", "results/figures", "results/diagnosis")  # the rest is no result to read


def write_contents(path: str | Path, belongs: Iterable[str]) -> list[str]:
    """Write what belongs to the study and what lies beside it; return what a reader may confuse.

    Jobs of several studies share a folder on purpose: what was measured once is not measured again.
    """
    own = {Path(name).as_posix() for name in belongs}
    found = [place.as_posix() for pattern in LOOKED_AT for place in sorted(Path().glob(pattern))]
    beside = [name for name in found if name not in own]
    write_json(path, {"belongs": sorted(own), "of_another_study": beside})
    return [name for name in beside if name.startswith(SHOWN)]
