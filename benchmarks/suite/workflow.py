"""Seconds until Snakemake has planned a large study, and until a job starts to work.

Everything runs in a copy of the repository, so that nothing here touches its results.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.harness import ratio, spread
from benchmarks.outcome import Outcome, Settings

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "rules", "workflow", "config", "profiles", "src", "envs", "pyproject.toml")
STUDY = "many.yaml"
DATASETS = ("movielens", "insteval")
VARIANTS, QUICK_VARIANTS = 750, 25  # each is a search and a training on both datasets
ALIKE = 0.005  # jobs by which the two workflows may differ: tables and figures come and go
ROUNDS = 3  # each takes many seconds, and they differ little
LIMIT = 600  # seconds; planning that takes longer is an error
SMALLEST = "config/test.yaml"
MANIFEST = "results/data/insteval/manifest.json"
STARTS, TRAINS = "Training share_bottom", "dense parameters of one model"  # lines of a job
FIRST_STEP = "of it: from the job's start to its first step"
METRICS = "results/runs/insteval/share_bottom/paper/metrics.csv"

Seconds = dict[str, list[float]]

# What a study of the same shape takes when rules compute nothing: as many jobs, files and
# parameters as ours, from constants, with `shell` where ours names a script.
BARE = """
DATASETS, VARIANTS = config["datasets"], list(config["variants"]["mtnas"])
DATA, ROUTES, RUN = "data/{d}", "routes/{d}/{v}", "runs/{d}/{v}"

def every(pattern):
    return expand(pattern, d=DATASETS, v=VARIANTS)

MANIFESTS = every(f"{DATA}/manifest")[::len(VARIANTS)]
METRICS, RECORDS = every(f"{RUN}/metrics.csv"), every(f"{RUN}/run.json")
FOUND = every(f"{ROUTES}/routes.json")
NEEDS = {"table1": MANIFESTS, "table2": METRICS + RECORDS, "table4": MANIFESTS,
         "figure3": FOUND, "curves": FOUND, "answer": METRICS + RECORDS, "report": [],
         "claims": METRICS + RECORDS + FOUND, "subgraphs": [],
         **{f"audit{n}": [manifest] for n, manifest in enumerate(MANIFESTS)}}
PREPARED = {file: f"{DATA}/{file}" for file in ["table", "ids", "inputs", "manifest"]}
SPEC = {name: {"value": number} for number, name in enumerate(["options", "training", "search"])}

rule all:
    input: METRICS, FOUND, expand("{name}.html", name=NEEDS)

rule prepare:
    output: **PREPARED
    log: "logs/prepare/{d}.log"
    benchmark: "benchmarks/prepare/{d}.tsv"
    threads: 1
    resources: runtime=30, mem_mb=8000
    params: spec=SPEC, sources={}, raw=None, code="0123456789ab"
    message: "Preparing {wildcards.d}"
    shell: "touch {output}"

rule search:
    input: **PREPARED
    output: routes=f"{ROUTES}/routes.json", supernet=f"{ROUTES}/supernet.safetensors"
    log: "logs/search/{d}/{v}.log"
    benchmark: "benchmarks/search/{d}/{v}.tsv"
    threads: 1
    resources: runtime=240, mem_mb=16000, seeds_at_once=5
    params: spec=SPEC, code="0123456789ab"
    message: "Searching routes of {wildcards.v} on {wildcards.d}"
    shell: "touch {output}"

rule train:
    input: f"{ROUTES}/routes.json", **PREPARED
    output: metrics=f"{RUN}/metrics.csv", record=f"{RUN}/run.json", predictions=f"{RUN}/p.parquet",
        weights=f"{RUN}/model.safetensors"
    log: "logs/train/{d}/{v}.log"
    benchmark: "benchmarks/train/{d}/{v}.tsv"
    threads: 1
    resources: runtime=120, mem_mb=16000, seeds_at_once=5
    params: spec=SPEC, code="0123456789ab"
    message: "Training {wildcards.v} on {wildcards.d}"
    shell: "touch {output}"

rule table:
    input: lambda wildcards: NEEDS[wildcards.name]
    output: "{name}.html"
    wildcard_constraints: name="[a-z0-9]+"
    params: code="0123456789ab"
    message: "Writing {wildcards.name}"
    shell: "touch {output}"
"""


def run(settings: Settings) -> Outcome:
    """Time planning against a bare workflow of the same shape, and what a job costs to start."""
    rounds = 1 if settings.quick else min(ROUNDS, settings.rounds)
    variants = QUICK_VARIANTS if settings.quick else VARIANTS
    with TemporaryDirectory() as folder:
        ours = Path(folder) / "ours"
        check_out(ours)
        planned, jobs = planning(ours, Path(folder) / "bare", variants, rounds)
        started = start_up(ours, rounds)
        idle = {} if settings.quick else finished(ours, rounds)
    our_seconds, bare_seconds = planned.values()
    measured = {**planned, **idle, **started}
    return Outcome(
        simulated=False,
        title=f"Planning {jobs:,} jobs, and starting one",
        columns=("What", "seconds, median", "min", "max"),
        rows=[(name, *spread(seconds)) for name, seconds in measured.items()],
        note="Planning: `snakemake -n` from its start to its end. The bare workflow has as many "
        "jobs (within 0.5 %) and as many files before and after them, and constants for "
        "parameters. The first training in a fresh copy also compiles, so its maximum is what a "
        "new user waits for.",
        ratios={"planning_vs_bare_dag": ratio(bare_seconds, our_seconds)},
        measured=measured,
    )


def planning(ours: Path, bare: Path, variants: int, rounds: int) -> tuple[Seconds, int]:
    """Return the seconds of both workflows, ours first, and how many jobs each of them has."""
    study = yaml.safe_dump(_study(variants))
    shutil.copytree(ours / "profiles", bare / "profiles")
    for folder in (ours, bare):
        (folder / STUDY).write_text(study, encoding="utf-8")
    (bare / "Snakefile").write_text(BARE, encoding="utf-8")
    snakemake(ours, "-n", "--configfile", SMALLEST)  # compiles the copy's modules
    printed: dict[str, str] = {}

    def plan(name: str, folder: Path) -> None:
        printed[name] = snakemake(folder, "-n", "--configfile", STUDY)

    seconds = _alternate(
        {
            "plan a study, ours": lambda: plan("ours", ours),
            "plan a study, bare workflow": lambda: plan("bare", bare),
        },
        rounds,
    )
    jobs = {name: _jobs(text) for name, text in printed.items()}
    if abs(jobs["ours"] - jobs["bare"]) > ALIKE * jobs["ours"]:
        raise RuntimeError(f"these are not the same work, in jobs: {jobs}")
    return seconds, jobs["ours"]


def start_up(ours: Path, rounds: int) -> Seconds:
    """Return the seconds until Python, torch and our library are there, and of a whole job."""
    smallest = ("--configfile", SMALLEST)
    snakemake(ours, MANIFEST, *smallest)
    return _alternate(
        {
            "python -c pass": lambda: _python(ours, "-c", "pass"),
            "python -c 'import torch'": lambda: _python(ours, "-c", "import torch"),
            "python -c 'import mtnas.experiments.train'": lambda: _python(
                ours, "-c", "import mtnas.experiments.train"
            ),
            "smallest training job, with Snakemake": lambda: snakemake(
                ours, "--force", METRICS, *smallest
            ),
        },
        rounds,
    ) | {FIRST_STEP: [_until_first_step(ours) for _ in range(rounds)]}


def _until_first_step(ours: Path) -> float:
    """Return the seconds from Snakemake's start of a training job until it begins to train."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--force", METRICS]
    with subprocess.Popen(
        [*command, "--configfile", SMALLEST],
        cwd=ours,
        env={**os.environ, "PYTHONPATH": str(ours / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        times = {line: time.perf_counter() for line in process.stdout}
    said = {word: [at for line, at in times.items() if word in line] for word in (STARTS, TRAINS)}
    if process.returncode != 0 or not all(said.values()):
        raise RuntimeError(f"{METRICS}: {''.join(times)[-2000:]}")
    return said[TRAINS][0] - said[STARTS][0]


def finished(ours: Path, rounds: int) -> Seconds:
    """Run the smallest study; return the seconds that it takes to find nothing left to do."""
    smallest = ("--configfile", SMALLEST)
    snakemake(ours, *smallest)

    def again() -> None:
        if "Nothing to be done" not in snakemake(ours, *smallest):
            raise RuntimeError("a finished study ran again")

    return _alternate({"finished smallest study, nothing to be done": again}, rounds)


def _study(variants: int) -> dict[str, Any]:
    """Return an overlay in which every variant has a search of its own."""
    names = [f"v{number:04d}" for number in range(variants)]
    searches = {name: {"search": {"steps": 100 + number}} for number, name in enumerate(names)}
    return {
        "datasets": list(DATASETS),
        "variants": {"mtnas": searches},
        "experiments": {"main": {"methods": ["mtnas"], "variants": {"mtnas": names}}},
    }


def _alternate(contenders: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Return the wall seconds of every round."""
    measured: Seconds = {name: [] for name in contenders}
    for number in range(rounds):
        for name, work in contenders.items():
            started = time.perf_counter()
            work()
            measured[name].append(time.perf_counter() - started)
            print(f"round {number + 1}/{rounds}  {name}: {measured[name][-1]:.2f} s", flush=True)
    return measured


def check_out(folder: Path) -> None:
    """Copy what the workflow needs, without results."""
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignore)
        else:
            shutil.copy2(source, folder / part)


def snakemake(folder: Path, *arguments: str) -> str:
    """Run the Snakemake of this interpreter to its end; return what it printed."""
    cores = str(len(os.sched_getaffinity(0)))
    return _python(folder, "-m", "snakemake", "--cores", cores, *arguments)


def _python(folder: Path, *arguments: str) -> str:
    """Run this interpreter with the library of the copy; return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout[-2000:]}")
    return done.stdout


def _jobs(printed: str) -> int:
    """Read the number of jobs off a dry run."""
    found = re.search(r"^total +(\d+)$", printed, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"Snakemake planned no jobs: {printed[-2000:]}")
    return int(found[1])
