"""The claims C1-C17 about MTNAS and B1-B6 of Wu, Zhang, Ré, judged on everything the study ran.

requires: the runs and the learned routes of all experiments, the manifests, the exhaustive tables,
          scores of subsets of tasks, simulated studies
provides: results/claims/claims.json, claims.md, subgraphs.json
"""

LEARNED = PLAN.searches_of(PLAN.runs)
FOUND = list(dict.fromkeys([*LEARNED, *PLAN.judged_runs(by_run=False)]))
CHECKED = SUBGRAPHS if PLAN.runs else []  # a study without networks has no sub-graphs


rule subgraphs:
    """How far the outputs of Share-Bottom and MMoE are from those of their routes (C15); which
    routes methods are, as Figure 1(a-c) shows them.
    """
    output:
        json=SUBGRAPHS,
    log:
        "results/logs/subgraphs.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        typical=search_spaces.typical_methods(STUDY, PLAN.shown) if PLAN.shown else {},
        code=code_of(
            "experiments/equivalence.py",
            *[
                f"methods/{name}.py"
                for name in ("share_bottom", "mmoe", "cut_mmoe", "ml_mmoe", "mtnas")
            ],
        ),
    message:
        "Comparing methods with routes of the search space"
    script:
        "../workflow/scripts/subgraphs.py"


rule claims:
    """The ledger: a verdict with its interval for every claim, or what is not measured."""
    input:
        metrics=rules.runs.input,
        records=of_runs(rules.train.output.record, STUDY.all_runs),
        routes=of_runs(rules.search.output.routes, FOUND),
        manifests=MANIFESTS,
        exhaustive=EXHAUSTIVE,
        subgraphs=CHECKED,
        subsets=rules.subsets.input,
        simulated_studies=rules.simulated_studies.input,
    output:
        json="results/claims/claims.json",
        md="results/claims/claims.md",
    log:
        "results/logs/claims.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, STUDY.all_runs),
        subsets=subset_folders(PLAN.subsets),
        simulated_studies=expand(SIMULATED_STUDY, study=PLAN.simulated_studies),
        # Takes `input` so that another command alone, which moves no number, makes nothing run.
        study=lambda wildcards, input: study_command(
            "claims", OVERLAYS, workflow.config_settings.config
        ),
        titles=dataset_titles(STUDY.datasets),
        code=code_of("report/claims.py"),
    message:
        "Judging the claims of the paper"
    script:
        "../workflow/scripts/claims.py"
