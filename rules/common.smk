"""What all rules share: the checked configuration, wildcards, and functions of wildcards.

provides: STUDY, the validated configuration; everything below it is a function of STUDY;
          INVENTORY, the names in it, from which tables and figures choose (mtnas.exhibits)
This file is read again by every cluster job, so nothing here imports torch (1.5 s).
"""

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/src")  # this checkout, installed or not

from snakemake.exceptions import WorkflowError

from mtnas import config as studies, datasets, exhibits, slurm, sources, spaces, stopping
from mtnas.errors import MtnasError
from mtnas.inventory import inventory_of
from mtnas.places import AUDIT, DATA, ROUTES, RUN, SUBGRAPHS, TRUTH, TRUTHS, TUNING, of_runs
from mtnas.provenance import code_behind, code_fingerprint, study_command
from mtnas.schema import plugins
from mtnas.snakemake_job import use_this_checkout

use_this_checkout()
stopping.leave_to_jobs()

*OVERLAYS, DEFAULT = workflow.configfiles
try:
    STUDY = studies.load(config, [DEFAULT, *OVERLAYS], workflow.config_settings.config)
    for name in STUDY["datasets"]:
        sources.raw_files(STUDY, name)
except MtnasError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset="|".join([*plugins("datasets"), *STUDY["synthetic"]]),
    method="|".join(plugins("methods")),
    variant="[a-z0-9_]+",
    space="[a-z0-9_]+",


INVENTORY = inventory_of(STUDY)
SYNTHETIC = exhibits.synthetic(INVENTORY)
STARTED = time.time()
RAW = sources.RAW
SIMULATED = sources.SIMULATED


# Fingerprints of the library code that can change the result of a job, passed to it as `code`.
def code_of(*modules):
    """Fingerprint modules of src/mtnas and all that they import."""
    return code_fingerprint(*code_behind(*modules))


def data_code(wildcards):
    """Fingerprint the code behind the table of one dataset."""
    source = (
        () if wildcards.dataset in STUDY["synthetic"] else (datasets.code_of(wildcards.dataset),)
    )
    return code_of("features/prepare.py", *source)


def simulation_code(wildcards):
    """Fingerprint the code behind the simulated raw files of one dataset."""
    return code_of("simulation/base.py", f"simulation/{wildcards.dataset}.py")


def run_code(wildcards):
    """Fingerprint the code behind a run: the engine, its method, and for a method that searches
    the search. The file of MTNAS counts for all: its size is the parameter budget of the others.
    """
    return code_from("experiment.py", wildcards)


def tune_code(wildcards):
    """Fingerprint the code behind a grid search: that of its run, and of the search."""
    return code_from("tuning.py", wildcards)


def code_from(entry, wildcards):
    """Fingerprint what a module needs for the method of a job."""
    methods = ("methods/mtnas.py", f"methods/{wildcards.method}.py")
    files = code_behind(entry, *methods)
    if not studies.searches(STUDY.method(wildcards.method)):
        files = [file for file in files if not file.startswith("search/")]
    return code_fingerprint(*files)


def spec(build):
    """Turn a function of the study into a function of wildcards."""
    return lambda wildcards: build(STUDY, **wildcards)


def unwatched(build):
    """Like `spec`, for what may change without a new run: where something is, not what it is.
    Snakemake does not compare a parameter that takes `input`.
    """
    return lambda wildcards, input: build(STUDY, **wildcards)


def one_of(names):
    """Constrain a wildcard to names."""
    return "|".join(map(re.escape, sorted(set(names))))


def simulated_folder(wildcards):
    """Name the folder of raw files that rule `simulate` writes for a dataset, if it does."""
    simulated = studies.is_simulated(STUDY, wildcards.dataset)
    return SIMULATED.format(**wildcards) if simulated else []


def routes_if_searched(wildcards):
    """Name the routes of a run, and the weights it derives from, if its method searches."""
    derive = studies.run_spec(STUDY, **wildcards)["derive"]
    if derive is None:
        return {}
    home = studies.search_home(STUDY, **wildcards)
    folder = ROUTES.format(**{**wildcards, "variant": home})
    weights = {} if derive == "retrain" else {"supernet": f"{folder}/supernet.safetensors"}
    return {"routes": f"{folder}/routes.json", **weights}


def winner_if_tuned(wildcards):
    """Name the outcome of the grid search before a run, if there is one."""
    tuned = studies.is_tuned(STUDY, **wildcards)
    return {"tuned": f"{TUNING}/best.json".format(**wildcards)} if tuned else {}


def judged(wildcards):
    """Say for each dataset and variant of a small space where its routes or its run is."""
    return INVENTORY.judged_by(wildcards.space)


def judged_files(wildcards):
    """Name the files behind `judged`."""
    paths = [entry["path"] for entry in judged(wildcards)]
    runs = [path for path in paths if not path.endswith(".json")]
    routes = [path for path in paths if path.endswith(".json")]
    return [
        *dict.fromkeys(routes),
        *expand("{run}/{file}", run=runs, file=["metrics.csv", "run.json"]),
    ]


def table_files(name):
    """Name the four files of a table, as mtnas.reporting.writers takes them."""
    endings = {"md": "md", "tex": "tex", "csv": "csv", "cells": "cells.csv"}
    return {kind: f"results/tables/{name}.{ending}" for kind, ending in endings.items()}


def per_attempt(amount):
    """Ask for `amount`, and for twice or three times as much when a job is tried again.

    How often that is, `retries` of the profile says. Retries of a rule would be made inside the
    same SLURM job, with the same limits.
    """
    return lambda wildcards, attempt: amount * attempt


def cancel_forgotten_jobs():
    """Cancel SLURM jobs of a killed Snakemake that write what this one is about to write."""
    comments = [slurm.comment(job.rule.name, job.wildcards) for job in workflow.dag.needrun_jobs()]
    try:
        return slurm.cancel_forgotten(comments, Path.cwd())
    except slurm.SlurmError as error:
        if workflow.local_exec:
            return []  # a machine without a SLURM that answers
        raise WorkflowError(str(error)) from None


onstart:
    runs, seeds = studies.all_runs(STUDY), STUDY["seeds"]
    print(
        f"mtnas: {len(runs)} runs of {len(seeds)} seeds on {', '.join(STUDY['datasets'])}; "
        "results in results/, logs in results/logs/"
    )
    if simulated := [
        d for d in STUDY["datasets"] if studies.is_simulated(STUDY, d) or d in SYNTHETIC
    ]:
        print(f"mtnas: SIMULATED DATA: {', '.join(simulated)}")
    if cancelled := cancel_forgotten_jobs():
        print(
            f"mtnas: cancelled SLURM jobs {' '.join(cancelled)}, left behind by an earlier run"
        )


onerror:
    logs = getattr(workflow.executor_settings, "logdir", None)
    for path, reason in slurm.reasons(logs, STARTED).items() if logs else ():
        print(f"mtnas: SLURM ended the job of {path}: {reason} (docs/slurm.md)")
