"""What all rules share: the checked configuration, wildcards, and functions of wildcards.

provides: STUDY, the validated configuration; everything below it is a function of STUDY;
          PLAN, the names in it, from which tables and figures choose (mtnas.report.exhibits)
This file is read again by every cluster job, so nothing here imports torch (1.5 s).
"""

import re
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, f"{workflow.current_basedir}/../src")  # this checkout, installed or not

from snakemake.exceptions import WorkflowError

from mtnas import study as studies
from mtnas.report import captions, exhibits
from mtnas.report.answer.contents import forget_last_answers, set_answers_aside
from mtnas.report.answer.needs import needs_of
from mtnas.report.names import dataset_titles, titles
from mtnas.study import fingerprints, raw_files, search_spaces
from mtnas.runtime import signals
from mtnas.runtime.errors import MtnasError, of_machine, printable
from mtnas.study.fingerprints import code_of
from mtnas.study.plan import plan_of
from mtnas.study.paths import AUDIT, DATA, DIAGNOSIS, ENCODED, ROUTES, RUN
from mtnas.study.paths import SIMULATED_STUDY, SUBGRAPHS, SUBSETS, TRUTH, TRUTHS, TUNING
from mtnas.study.paths import figure_files, of_checkout, of_runs
from mtnas.study.paths import subset_folders, table_files
from mtnas.runtime.provenance import PACKAGE, study_command
from mtnas.runtime import plugins
from mtnas.runtime.job import use_this_checkout

use_this_checkout()
signals.leave_to_jobs()

if set("{}") & set(str(PACKAGE)):
    raise WorkflowError(
        f"{PACKAGE.parents[1]}: Snakemake takes {{ and }} in a path for a wildcard; move the "
        "checkout to a folder without them"
    )

*OVERLAYS, DEFAULT = workflow.configfiles
try:
    STUDY = studies.load(config, [DEFAULT, *OVERLAYS], workflow.config_settings.config)
    for name in STUDY.datasets:
        raw_files.raw_files(STUDY, name)
except MtnasError as error:
    raise WorkflowError(printable(str(error))) from None
except OSError as error:
    raise WorkflowError(printable(of_machine(error) or str(error))) from None


wildcard_constraints:
    dataset="|".join([*plugins.names("data.sources"), *STUDY.synthetic]),
    method="|".join(plugins.names("methods")),
    variant="[a-z0-9_]+",
    space="[a-z0-9_]+",
    subsets="[a-z0-9_]+",


PLAN = plan_of(STUDY)
MANIFESTS = [f"{DATA}/manifest.json".format(dataset=name) for name in STUDY.datasets]
RAW = raw_files.RAW
SIMULATED = raw_files.SIMULATED


def of_study(build):
    """Turn a function of the study into a function of wildcards."""
    return lambda wildcards: build(STUDY, **wildcards)


def spec_of(build):
    """Like `of_study`, for a spec: as plain data, which Snakemake can compare and hand on."""
    return lambda wildcards: build(STUDY, **wildcards).model_dump(mode="json")


def unwatched(build):
    """Like `of_study`, for what may change without a new run: where something is, not what it is.
    Snakemake does not compare a parameter that takes `input`.
    """
    return lambda wildcards, input: build(STUDY, **wildcards)


def one_of(names):
    """Constrain a wildcard to names."""
    return "|".join(map(re.escape, sorted(set(names))))


def simulated_folder(wildcards):
    """Name the folder of raw files that rule `simulate` writes for a dataset, if it does."""
    simulated = STUDY.is_simulated(wildcards.dataset)
    return SIMULATED.format(**wildcards) if simulated else []


def needed_by_run(wildcards):
    """Name what a run is made from, besides its data. One function: of each job each costs time."""
    return routes_if_searched(wildcards) | winner_if_tuned(wildcards) | routes_to_match(wildcards)


def routes_if_searched(wildcards):
    """Name the routes of a run, and the weights it derives from, if its method searches."""
    derive = studies.run_spec(STUDY, **wildcards).derive
    if derive is None:
        return {}
    home = studies.search_home(STUDY, **wildcards)
    folder = ROUTES.format(**{**wildcards, "variant": home})
    weights = {} if derive == "retrain" else {"supernet": f"{folder}/supernet.safetensors"}
    return {"routes": f"{folder}/routes.json", **weights}


def routes_to_match(wildcards):
    """Name the routes whose size a run is to have (`size_of: routes`), if it is to."""
    if studies.run_spec(STUDY, **wildcards).size_of == "network":
        return {}
    found = {**wildcards, "variant": "paper"}
    home = studies.search_home(STUDY, **found)
    return {"used": f"{ROUTES}/routes.json".format(**{**found, "variant": home})}


def winner_if_tuned(wildcards):
    """Name the outcome of the grid search before a run, if there is one."""
    run = {key: value for key, value in wildcards.items() if key != "subsets"}
    tuned = studies.is_tuned(STUDY, **run)
    return {"tuned": f"{TUNING}/best.json".format(**wildcards)} if tuned else {}


def made_from(kind):
    """Name the inputs of a table or figure (`exhibits.smk`); its name is a wildcard."""
    return lambda wildcards: exhibits.named(EXHIBITS, wildcards.name, kind).needs.files


def shown_as(name):
    """Name the file of a table or figure that the report shows."""
    if EXHIBITS[name].kind == "table":
        return table_files(name)["md"]
    return figure_files(name)["png"]


def belonging():
    """Name the tables, figures and folders of results that this study makes."""
    searches = PLAN.searches_of(STUDY.all_runs)
    return [
        *map(shown_as, EXHIBITS),
        *of_runs(RUN, STUDY.all_runs),
        *of_runs(ROUTES, [*searches, *PLAN.judged_runs(by_run=False)]),
        *[DATA.format(dataset=name) for name in STUDY.datasets],
        *[DIAGNOSIS.format(dataset=name) for name in STUDY.diagnosis.datasets],
    ]


def site_files():
    """Name the templates, style and script of the report, below `src/mtnas`."""
    folder = PACKAGE / "report/site/templates"
    return [f"report/site/templates/{path.name}" for path in sorted(folder.iterdir())]


def caption_of(wildcards, input):
    """Return the caption of a table or figure, from its own file, once that is written.

    Snakemake does not compare a parameter that takes `input`: a caption makes nothing run again.
    """
    return captions.caption_of(shown_as(wildcards.name))


def reported(files, shown, category):
    """Let `snakemake --report` show one of the files of a table or figure, with its caption.

    It has one label: of two files in a category the page would take a second one for a switch.
    """
    marked = report(
        files[shown],
        caption="../workflow/report/exhibit.rst",
        category=category,
        labels=lambda wildcards: {"shows": f"{EXHIBITS[wildcards.name].title} ({wildcards.name})"},
    )
    return files | {shown: marked}


def diagnosed_subsets(wildcards):
    """Name the folders with the gains of a dataset: of one embedding table, of one per task."""
    tables = STUDY.diagnosis.tables
    return subset_folders(
        {"diagnosis": [(wildcards.dataset, "share_bottom", v) for v in ["paper", tables] if v]}
    )


def winner_of_diagnosed(wildcards):
    """Name the outcome of the grid search before the runs of a diagnosis, if there is one."""
    run = {"dataset": wildcards.dataset, "method": "share_bottom", "variant": "paper"}
    tuned = studies.is_tuned(STUDY, **run)
    return {"tuned": f"{TUNING}/best.json".format(**run)} if tuned else {}


def specs_of(runs):
    """Return what this study asks of runs, by their names."""
    return {
        f"{dataset}/{method}/{variant}": studies.run_spec(
            STUDY, dataset, method, variant
        ).model_dump(mode="json", exclude={"tuned"})
        for dataset, method, variant in runs
    }


def subset_specs():
    """Return what this study asks of its subsets of tasks, by their names."""
    return {
        f"subsets/{name}/{dataset}/{method}/{variant}": studies.subsets_spec(
            STUDY, name, dataset, method, variant
        ).model_dump(mode="json", exclude={"tuned"})
        for name, runs in PLAN.subsets.items()
        for dataset, method, variant in runs
    }


def simulated_specs():
    """Return what this study asks of its simulated studies, by their names."""
    return {
        f"simulated_studies/{name}": studies.simulated_study_spec(STUDY, name).model_dump(
            mode="json"
        )
        for name in PLAN.simulated_studies
    }


def closing_words():
    """Return what a study found, and where all of it is."""
    answer = Path("results/answer.md")
    found = f"{answer.read_text(encoding='utf-8').strip()}\n\n" if answer.is_file() else ""
    return f"\n{found}open results/report.html"


def per_attempt(amount):
    """Ask for `amount`, and for twice or three times as much when a job is tried again.

    How often that is, `retries` of the profile says. Retries of a rule would be made inside the
    same SLURM job, with the same limits.
    """
    return lambda wildcards, attempt: amount * attempt
