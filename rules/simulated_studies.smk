"""Studies of planted tasks, of which the truth is known: they read no data and train no network.

requires: simulated_studies.studies, their seeds and options
provides: results/simulated_studies/{study}/results.csv, record.json
"""


rule simulated_study:
    """Draw, learn and measure, seed by seed."""
    output:
        results=f"{SIMULATED_STUDY}/results.csv",
        record=f"{SIMULATED_STUDY}/record.json",
    log:
        "results/logs/simulated_studies/{study}.log",
    benchmark:
        "results/benchmarks/simulated_studies/{study}.tsv"
    wildcard_constraints:
        study=one_of(plugins.names("experiments.simulated")),
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(60),
        mem_mb=per_attempt(2000),
    params:
        spec=lambda wildcards: studies.simulated_study_spec(STUDY, wildcards.study).model_dump(
            mode="json"
        ),
        code=lambda wildcards: fingerprints.simulated_study_code(wildcards.study),
    message:
        "Running the simulated study {wildcards.study}"
    script:
        "../workflow/scripts/simulated_study.py"


rule simulated_studies:
    """Ask for every simulated study of the configuration."""
    input:
        expand(rules.simulated_study.output, study=STUDY.simulated_studies.studies),
