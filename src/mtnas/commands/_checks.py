"""What `mtnas doctor` looks at: Python, packages, torch, the machine. Each answer is a `Check`."""

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from mtnas.runtime.files import Json
from mtnas.runtime.provenance import REPOSITORY

GIGABYTE = 1e9
LEAST_DISK, LEAST_MEMORY = 3 * GIGABYTE, 4 * GIGABYTE
SLURM = ("sbatch", "squeue", "scancel", "scontrol")


class Check(NamedTuple):
    """One answer; what is not `ok` has a remedy."""

    level: Literal["ok", "warn", "fail"]
    what: str
    remedy: str = ""

    def text(self) -> str:
        """Return one line."""
        return f"{self.level:<5} {self.what}" + (f"; {self.remedy}" if self.remedy else "")


def of_python(found: tuple[int, int] = sys.version_info[:2]) -> Check:
    """Check the version of Python against pyproject.toml."""
    wanted = _project()["requires-python"]
    text = f"Python {found[0]}.{found[1]} ({sys.executable})"
    if f"{found[0]}.{found[1]}" in SpecifierSet(wanted):
        return Check("ok", text)
    return Check("fail", f"{text}, not {wanted}", "make setup PYTHON=python3.12 VENV=.venv")


def of_packages(lock: Path = REPOSITORY / "requirements/lock.txt") -> Iterator[Check]:
    """Check what is needed to run against what the lock says."""
    pins = dict(_pins(lock))
    needed = {_name(line) for line in _project()["dependencies"]}
    found = {name: _version(name) for name in sorted(needed)}
    for name in (name for name, has in found.items() if has is None):
        yield Check("fail", f"{name} is not installed", "make setup")
    other = [
        f"{name} {has} (lock: {pins[name]})"
        for name, has in found.items()
        if has is not None and name in pins and has.partition("+")[0] != pins[name]
    ]
    if other:
        remedy = "fine if you chose so; `make setup` gives what results/published was made with"
        what = f"other versions than requirements/lock.txt: {', '.join(other)}"
        yield Check("warn", what, remedy)
    else:
        yield Check("ok", f"{len(found)} packages as in requirements/lock.txt")


def of_torch() -> Iterator[Check]:
    """Check that torch loads, what it computes on, and how many threads it takes."""
    try:
        import torch
    except (ImportError, OSError) as problem:
        yield Check("fail", f"torch does not load ({problem})", "make setup TORCH=cpu")
        return
    yield Check("ok", f"torch {torch.__version__}, {torch.get_num_threads()} threads of its own")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield Check("ok", f"GPU {index}: {torch.cuda.get_device_name(index)}")
    elif torch.version.cuda is not None:
        what = f"torch is built for CUDA {torch.version.cuda}, but sees no GPU"
        yield Check("warn", what, "nvidia-smi tells whether the driver runs; the CPU is used")
    elif shutil.which("nvidia-smi"):
        what = "a GPU may be here, but torch is the CPU build"
        yield Check("warn", what, "make setup TORCH=cuda")
    else:
        yield Check("ok", "no GPU: everything runs on the CPU")


def of_machine(folder: Path) -> Iterator[Check]:
    """Check cores, memory and disk."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("ok", f"{cores} cores")
    memory = _memory()
    if memory is not None:
        what = f"{memory / GIGABYTE:.1f} GB of memory available"
        low = memory < LEAST_MEMORY
        remedy = "run one job at a time: --cores 1 --set-resources train:seeds_at_once=1"
        yield Check("warn", what, remedy) if low else Check("ok", what)
    free = shutil.disk_usage(folder).free
    what = f"{free / GIGABYTE:.1f} GB of disk free in {folder.resolve()}"
    low = free < LEAST_DISK
    remedy = "make room, or run elsewhere (--directory FOLDER)"
    yield Check("warn", what, remedy) if low else Check("ok", what)
    if not os.access(folder, os.W_OK):
        yield Check("fail", f"{folder.resolve()} cannot be written to", "use another folder")


def of_numba() -> Check:
    """Check whether compiled kernels can be kept; else every job compiles them anew."""
    place = os.environ.get("NUMBA_CACHE_DIR")
    folder = _existing(Path(place) if place else REPOSITORY / "src/mtnas/training")
    if os.access(folder, os.W_OK):
        return Check("ok", f"compiled kernels are kept below {folder}")
    what = f"{folder} cannot be written to, so every job compiles its kernels anew (some seconds)"
    return Check("warn", what, "export NUMBA_CACHE_DIR=FOLDER, with a folder that can")


def of_cache() -> Check:
    """Check the folder without which Snakemake ends with a traceback."""
    folder = _existing(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"))
    if os.access(folder, os.W_OK):
        return Check("ok", f"Snakemake keeps its cache below {folder}")
    what = f"{folder} cannot be written to, and Snakemake needs a cache there"
    return Check("fail", what, "export XDG_CACHE_HOME=/tmp/$USER, or another folder that can")


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def of_slurm() -> Check:
    """Check whether SLURM can be used from here."""
    there = [name for name in SLURM if shutil.which(name)]
    if not there:
        return Check("ok", "no SLURM here: jobs run on this machine")
    if len(there) < len(SLURM):
        lacking = ", ".join(sorted(set(SLURM) - set(there)))
        return Check("warn", f"SLURM lacks {lacking}", "load its module, or ask the administrators")
    if _version("snakemake-executor-plugin-slurm") is None:
        return Check("warn", "SLURM is here, its executor plugin is not", "make setup")
    return Check("ok", "SLURM: --workflow-profile profiles/slurm (docs/slurm.md)")


def _project() -> Json:
    file = REPOSITORY / "pyproject.toml"
    project: Json = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return project


def _pins(lock: Path) -> Iterator[tuple[str, str]]:
    """Yield names and versions of a lock that hold on this machine."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        pin, _, marker = line.partition(" ; ")
        name, equals, number = pin.strip().rstrip("\\ ").partition("==")
        if equals and (not marker or Marker(marker.rstrip("\\ ")).evaluate()):
            yield name.lower(), number


def _name(requirement: str) -> str:
    """Return the name of a requirement such as `numpy>=2`."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> float | None:
    """Return the bytes of memory that are available; None where that is not told."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    told = dict(line.split(":", 1) for line in lines)
    return float(told["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in told else None
