"""What all rules share: the checked configuration, wildcards, and functions of wildcards.

provides: STUDY, the validated configuration; everything below it is a function of STUDY.
This file is read again by every cluster job, so nothing here imports torch (1.5 s).
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/src")  # this checkout, installed or not

from snakemake.exceptions import WorkflowError

from mtnas import config as studies
from mtnas import slurm
from mtnas.errors import MtnasError
from mtnas.files import sha256_of
from mtnas.provenance import code_behind, code_fingerprint
from mtnas.schema import plugins
from mtnas.snakemake_job import use_this_checkout

use_this_checkout()

*OVERLAYS, DEFAULT = workflow.configfiles
try:
    STUDY = studies.load(config, [DEFAULT, *OVERLAYS])
    for name in STUDY["datasets"]:
        studies.raw_files(STUDY, name)
except MtnasError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset="|".join(plugins("datasets")),
    method="|".join(plugins("methods")),
    variant="[a-z0-9_]+",


STARTED = time.time()
RUN = "results/runs/{dataset}/{method}/{variant}"
DATA = "results/data/{dataset}"
ROUTES = "results/routes/{dataset}/{method}/{variant}"


# Fingerprints of the library code that can change the result of a job, passed to it as `code`.
def code_of(*modules):
    """Fingerprint modules of src/mtnas and all that they import."""
    return code_fingerprint(*code_behind(*modules))


def data_code(wildcards):
    """Fingerprint the code behind the table of one dataset."""
    return code_of("features/prepare.py", f"datasets/{wildcards.dataset}.py")


def run_code(wildcards):
    """Fingerprint the code behind a run: the engine, its method, and for a method that searches
    the search. The file of MTNAS counts for all: its size is the parameter budget of the others.
    """
    methods = ("methods/mtnas.py", f"methods/{wildcards.method}.py")
    files = code_behind("experiment.py", *methods)
    if not studies.searches(STUDY.method(wildcards.method)):
        files = [file for file in files if not file.startswith("search/")]
    return code_fingerprint(*files)


def spec(build):
    """Turn a spec builder of mtnas.config into a function of wildcards."""
    return lambda wildcards: build(STUDY, **wildcards)


def raw_hashes(wildcards):
    """Identify the raw files of a dataset by what is in them, wherever they are."""
    return {p.name: sha256_of(p) for p in studies.raw_files(STUDY, wildcards.dataset)}


def raw_folder(wildcards, input):
    """Name the folder of raw files. Snakemake does not compare a parameter that takes `input`,
    so the same files in another folder are not prepared again.
    """
    return STUDY["dataset_options"].get(wildcards.dataset, {}).get("raw")


def routes_if_searched(wildcards):
    """Name the routes of a run, and the weights it derives from, if its method searches."""
    derive = studies.run_spec(STUDY, **wildcards)["derive"]
    if derive is None:
        return {}
    home = studies.search_home(STUDY, **wildcards)
    folder = ROUTES.format(**{**wildcards, "variant": home})
    weights = {} if derive == "retrain" else {"supernet": f"{folder}/supernet.safetensors"}
    return {"routes": f"{folder}/routes.json", **weights}


def of_runs(pattern, runs):
    """Fill the wildcards of a path for each (dataset, method, variant)."""
    return [pattern.format(dataset=d, method=m, variant=v) for d, m, v in runs]


def main_runs(pattern):
    """Fill the wildcards of a path for each run of experiment `main`."""
    return of_runs(pattern, studies.experiment_runs(STUDY, "main"))


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
    if cancelled := cancel_forgotten_jobs():
        print(
            f"mtnas: cancelled SLURM jobs {' '.join(cancelled)}, left behind by an earlier run"
        )


onerror:
    logs = getattr(workflow.executor_settings, "logdir", None)
    for path, reason in slurm.reasons(logs, STARTED).items() if logs else ():
        print(f"mtnas: SLURM ended the job of {path}: {reason} (docs/slurm.md)")
