"""Where results lie, relative to the folder that the workflow runs in.

Shared by the rules and by what rebuilds tables from `results/published`.
"""

import os
from collections.abc import Iterable, Mapping

from mtnas.config.options import RunKey, SubsetKey
from mtnas.runtime.provenance import REPOSITORY

DATA = "results/data/{dataset}"
ENCODED = "results/encoded/{dataset}.parquet"  # features of its texts
RUN = "results/runs/{dataset}/{method}/{variant}"
ROUTES = "results/routes/{dataset}/{method}/{variant}"
TUNING = "results/tuning/{dataset}/{method}/{variant}"
TRUTH = "results/exhaustive/{dataset}/{space}.parquet"
TRUTHS = "results/exhaustive/{dataset}.parquet"  # all spaces of a dataset
SUBSETS = "results/subsets/{subsets}/{dataset}/{method}/{variant}"
DIAGNOSIS = "results/diagnosis/{dataset}"
AUDIT = "results/audit/{dataset}.json"
SIMULATED_STUDY = "results/simulated_studies/{study}"
SUBGRAPHS = "results/claims/subgraphs.json"


def of_checkout(path: str) -> str:
    """Name a file of this checkout, such as `config/config.yaml`, from the current folder."""
    return os.path.relpath(REPOSITORY / path)


def table_files(name: str) -> dict[str, str]:
    """Name the five files of a table, as `mtnas.report.render.writers` takes them."""
    endings = {"md": "md", "tex": "tex", "csv": "csv", "cells": "cells.csv", "html": "html"}
    return {kind: f"results/tables/{name}.{ending}" for kind, ending in endings.items()}


def figure_files(name: str) -> dict[str, str]:
    """Name the three files of a figure: its drawings, and the data that they show."""
    return {kind: f"results/figures/{name}.{kind}" for kind in ("png", "pdf", "csv")}


def subset_folders(subsets: Mapping[str, Iterable[RunKey]]) -> list[str]:
    """Name the folders of runs of subsets of tasks, given runs by name of the entry."""
    return of_subsets((name, *run) for name, runs in subsets.items() for run in runs)


def of_subsets(keys: Iterable[SubsetKey]) -> list[str]:
    """Name the folders of runs of subsets of tasks."""
    return [SUBSETS.format(subsets=name, dataset=d, method=m, variant=v) for name, d, m, v in keys]


def simulated_study_folders(studies: Iterable[str]) -> list[str]:
    """Name the folders of simulated studies."""
    return [SIMULATED_STUDY.format(study=study) for study in studies]


def simulated_study_files(studies: Iterable[str]) -> list[str]:
    """Name the files that simulated studies leave."""
    folders = simulated_study_folders(studies)
    return [f"{folder}/{file}" for folder in folders for file in ("results.csv", "record.json")]


def of_runs(pattern: str, runs: Iterable[RunKey]) -> list[str]:
    """Fill the wildcards of a path for each (dataset, method, variant)."""
    return [pattern.format(dataset=d, method=m, variant=v) for d, m, v in runs]
