"""Which raw files of a study are here: of its datasets, one line each."""

from collections.abc import Iterator, Sequence, Sized
from pathlib import Path

from mtnas.commands._checks import Check
from mtnas.config.files import read_overlay
from mtnas.config.layers import merged
from mtnas.config.study import Study
from mtnas.data import sources
from mtnas.data.sources.base import Packaged
from mtnas.runtime.errors import MtnasError
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study import load, raw_files


def of_study(overlays: Sequence[Path]) -> Iterator[Check]:
    """Check the configuration and the raw data of each of its datasets."""
    files = [REPOSITORY / "config/config.yaml", *overlays]
    names = ", ".join(map(str, overlays)) or "config/config.yaml"
    try:
        study = load(merged(*map(read_overlay, files)), files)
    except MtnasError as problem:
        yield Check("fail", str(problem), "correct the configuration")
        return
    yield Check(
        "ok", f"{names}: {_count(study.datasets, 'dataset')}, {_count(study.all_runs, 'run')}"
    )
    for name in study.datasets:
        yield _of_dataset(study, name)


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _of_dataset(study: Study, name: str) -> Check:
    if name in study.synthetic or study.is_simulated(name):
        return Check("ok", f"{name}: made by the workflow itself")
    try:
        files = raw_files.raw_files(study, name)
    except MtnasError as problem:
        return Check("fail", f"{name}: {problem}", "then run `mtnas doctor` again")
    lacking = [str(file) for file in files if not Path(file).exists()]
    if not lacking:
        return Check("ok", f"{name}: its raw files are here")
    if sources.load(name).downloads and study.raw(name) is None:
        packaged = all(isinstance(item, Packaged) for item in sources.load(name).downloads)
        how = "in an installed package" if packaged else "to be downloaded when it is needed"
        return Check("ok", f"{name}: raw files {how} ({', '.join(lacking)})")
    remedy = f"--config {name}_raw=FOLDER names the folder that has them (docs/data.md)"
    return Check("fail", f"{name}: missing {', '.join(lacking)}", remedy)
