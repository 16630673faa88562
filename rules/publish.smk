"""The outcome of studies in the files of results/published/, from which README is generated.

requires: publish: all runs of the study, its routes, manifests, audits, exhaustive tables, scores
          of subsets of tasks, results of simulated studies, diagnoses;
          rebuild: nothing but results/published itself
provides: results/published/, only on request (.venv/bin/snakemake publish, or rebuild), and then
          always: both change files that are part of the repository
"""

PUBLISHED = "results/published"
JUDGED = PLAN.judged_runs(by_run=True)
PUBLISHED_RUNS = list(dict.fromkeys([*PLAN.runs, *JUDGED]))
TUNED = [run for run in PUBLISHED_RUNS if studies.is_tuned(STUDY, *run)]


rule publish:
    """Merge a finished study into what is published, then do as `rebuild`."""
    input:
        metrics=of_runs(rules.train.output.metrics, PUBLISHED_RUNS),
        records=of_runs(rules.train.output.record, PUBLISHED_RUNS),
        routes=of_runs(rules.search.output.routes, FOUND),
        manifests=MANIFESTS,
        audits=expand(rules.audit.output.json, dataset=MEASURED),
        trials=of_runs(rules.tune.output.trials, TUNED),
        exhaustive=EXHAUSTIVE,
        subsets=rules.subsets.input,
        simulated_studies=rules.simulated_studies.input,
        diagnoses=expand(rules.recommend.output.json, dataset=STUDY.diagnosis.datasets),
        subgraphs=CHECKED,
    log:
        "results/logs/publish.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        folder=PUBLISHED,
        plan=PLAN.to_json(),
        command=study_command("publish", OVERLAYS, workflow.config_settings.config),
        runs=of_runs(RUN, PUBLISHED_RUNS),
        tuning=of_runs(TUNING, TUNED),
        subsets=subset_folders(PLAN.subsets),
        simulated_studies=expand(SIMULATED_STUDY, study=PLAN.simulated_studies),
        specs=lambda wildcards: {
            **specs_of(PUBLISHED_RUNS),
            **subset_specs(),
            **simulated_specs(),
        },
    message:
        "Publishing the study"
    script:
        "../workflow/scripts/publish.py"


rule rebuild:
    """Make the published tables, claims and figures again from the published numbers."""
    input:
        metrics=f"{PUBLISHED}/metrics.csv.gz",
        records=f"{PUBLISHED}/runs.json",
        inventory=f"{PUBLISHED}/inventory.json",
    log:
        "results/logs/rebuild.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    message:
        f"Rebuilding tables, claims and figures of {PUBLISHED}"
    script:
        "../workflow/scripts/rebuild.py"
