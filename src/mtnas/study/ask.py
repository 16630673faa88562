"""Ask the workflow of this checkout for the diagnosis of one dataset."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from mtnas.config.files import read_overlay
from mtnas.config.layers import merged
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, RecordError, unknown
from mtnas.runtime.files import Json
from mtnas.runtime.job import QUIET, use_this_checkout
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study.paths import DIAGNOSIS


def diagnosed(
    dataset: str, cores: int = 1, files: Sequence[Path] = (), checkout: Path = REPOSITORY
) -> str:
    """Run Snakemake for the recommendation of a dataset; return it.

    Args:
        dataset: its name; it need not be one of the study's.
        cores: of Snakemake.
        files: overlays of the configuration, later ones win.
        checkout: where the workflow is.

    Raises:
        ConfigError: there is no workflow, or a file does not exist.
        RecordError: Snakemake failed; it has said why.
    """
    check_files(files, checkout)
    _check_dataset(dataset, files, checkout)
    target = Path(DIAGNOSIS.format(dataset=dataset), "recommendation.md")
    asked = {"datasets": _datasets(dataset, files, checkout), "diagnosis": {"datasets": [dataset]}}
    command = [*snakemake(checkout), "--logger", "mtnas", "--cores", str(cores)]
    command += ["--configfile", *map(str, files)] * bool(files)
    command += ["--config", *(f"{key}={json.dumps(value)}" for key, value in asked.items())]
    use_this_checkout()
    quiet = {**os.environ, QUIET: "1"}
    if subprocess.run([*command, "--", str(target)], stdout=sys.stderr, env=quiet).returncode:
        raise RecordError(
            f"{target}: it could not be made; Snakemake says above why, and the same command goes "
            "on from what is done"
        )
    return target.read_text(encoding="utf-8")


def snakemake(checkout: Path) -> list[str]:
    """Return the beginning of a Snakemake command for the workflow of a checkout."""
    start = str(checkout / "workflow" / "start.py")
    return [sys.executable, start, "--snakefile", str(checkout / "Snakefile")]


def check_files(files: Sequence[Path], checkout: Path) -> None:
    """Refuse an overlay that does not exist or cannot be read, and a lack of the workflow."""
    if not (checkout / "Snakefile").is_file():
        raise ConfigError(
            f"mtnas: no Snakefile in {checkout}; this command needs the workflow, so install the "
            "package from a clone of the repository (make setup, or pip install -e .) and use that"
        )
    for file in files:
        if not file.is_file():
            beside = [str(other) for other in file.parent.glob("*.yaml")]
            near = get_close_matches(str(file), beside, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ConfigError(f"--configfile {file}: there is no such file{hint}")
        read_overlay(file)  # before Snakemake does, which a hostile one would hang, or make run it


def check_study(files: Sequence[Path], checkout: Path, typed: Json | None = None) -> None:
    """Refuse a configuration that Snakemake would refuse with a traceback behind the reason.

    `typed` are keys that were given on the command line.
    """
    from mtnas.study import load

    paths = (checkout / "config" / "config.yaml", *files)
    load(merged(*map(read_overlay, paths), typed or {}), paths, typed or {})


def _check_dataset(dataset: str, files: Sequence[Path], checkout: Path) -> None:
    """Refuse a dataset that neither a file declares nor the configuration draws."""
    drawn = [str(name) for said in _read(files, checkout) for name in said.get("synthetic") or ()]
    known = [*plugins.names("data.sources"), *drawn]
    if dataset not in known:
        raise ConfigError(unknown("dataset", dataset, known, "mtnas diagnose"))


def _datasets(dataset: str, files: Sequence[Path], checkout: Path) -> list[str]:
    """Return the datasets of the configuration, and this one."""
    named: list[str] = []
    for said in _read(files, checkout):
        if isinstance(said.get("datasets"), list):
            named = said["datasets"]
    return named if dataset in named else [*named, dataset]


def _read(files: Sequence[Path], checkout: Path) -> list[Json]:
    """Read the default configuration and its overlays."""
    paths = (checkout / "config" / "config.yaml", *files)
    read = {path: read_overlay(path) for path in paths}
    for path, said in read.items():
        if not isinstance(said.get("synthetic") or {}, dict):
            raise ConfigError(
                f"{path}: synthetic: must be datasets with their keys, such as "
                f"`{{near: {{rho: 0.9}}}}`, not {said['synthetic']!r}"
            )
    return list(read.values())
