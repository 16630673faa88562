"""The outcome of a study in the files of results/published/, from which README is generated.

requires: all runs, routes, tables and figures of the study, and the claims
provides: results/published/ (only on request: .venv/bin/snakemake publish)
"""


rule publish:
    """Collect a finished study for publication."""
    input:
        metrics=rules.runs.input,
        records=of_runs(rules.train.output.record, studies.all_runs(STUDY)),
        routes=of_runs(rules.search.output.routes, studies.experiment_searches(STUDY, "main")),
        manifests=MANIFESTS,
        tables=[*[file for name in TABLES for file in table_files(name).values()], *AUDITS],
        claims=rules.claims.output,
        figures=FIGURES,
        exhaustive=EXHAUSTIVE,
    output:
        metrics="results/published/metrics.csv.gz",
        records="results/published/runs.json",
    log:
        "results/logs/publish.log",
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, studies.all_runs(STUDY)),
        code=code_of("reporting/published.py"),
    message:
        "Publishing the study"
    script:
        "../workflow/scripts/publish.py"
