"""The paper's claims C1-C15, judged on everything the study ran.

requires: the runs and the learned routes of all experiments, the manifests, the exhaustive tables
          of synthetic data
provides: results/claims/claims.json, claims.md, subgraphs.json
"""

LEARNED = list(
    dict.fromkeys(
        run for name in STUDY["experiments"] for run in studies.experiment_searches(STUDY, name)
    )
)


TABLES_OF_ROUTES = expand(
    "results/exhaustive/{dataset}.parquet", dataset=SYNTHETIC if SPACES else []
)


rule subgraphs:
    """How far the outputs of Share-Bottom and MMoE are from those of their routes (C15)."""
    output:
        json="results/claims/subgraphs.json",
    log:
        "results/logs/subgraphs.log",
    conda:
        "../envs/cpu.yaml"
    params:
        code=code_of(
            "subgraphs.py",
            *[f"methods/{name}.py" for name in ("share_bottom", "mmoe", "ml_mmoe", "mtnas")],
        ),
    message:
        "Comparing methods with routes of the search space"
    script:
        "../workflow/scripts/subgraphs.py"


rule claims:
    """The ledger: a verdict with its interval for every claim, or what is not measured."""
    input:
        metrics=rules.runs.input,
        records=of_runs(rules.train.output.record, studies.all_runs(STUDY)),
        routes=of_runs(rules.search.output.routes, LEARNED),
        manifests=MANIFESTS,
        subgraphs=rules.subgraphs.output.json,
        exhaustive=TABLES_OF_ROUTES,
    output:
        json="results/claims/claims.json",
        md="results/claims/claims.md",
    log:
        "results/logs/claims.log",
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, studies.all_runs(STUDY)),
        code=code_of("reporting/claims.py"),
    message:
        "Judging the claims of the paper"
    script:
        "../workflow/scripts/claims.py"
