"""Which tasks of a dataset should share a model: measures, gains, a recommendation (`diagnosis`).

requires: results/data/{dataset}/table.parquet, table.ids.npy, table.inputs, manifest.json
          results/subsets/diagnosis/{dataset}/share_bottom/{variant}/scores.csv, record.json
provides: results/diagnosis/{dataset}/measures.csv, capacity.csv, record.json
          results/diagnosis/{dataset}/diagnosis.json, recommendation.md
"""


rule measure_tasks:
    """How related tasks are by cheap measures, by their gradients, and at which width."""
    input:
        unpack(winner_of_diagnosed),
        table=rules.prepare.output.table,
        ids=rules.prepare.output.ids,
        inputs=rules.prepare.output.inputs,
        manifest=rules.prepare.output.manifest,
    output:
        measures=f"{DIAGNOSIS}/measures.csv",
        capacity=f"{DIAGNOSIS}/capacity.csv",
        record=f"{DIAGNOSIS}/record.json",
    log:
        "results/logs/measure_tasks/{dataset}.log",
    benchmark:
        "results/benchmarks/measure_tasks/{dataset}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(360),
        mem_mb=per_attempt(8000),
        models_at_once=0,  # speed only; 0: as many as suit the machine
        gpu=0,
    params:
        spec=spec_of(studies.diagnose_spec),
        code=of_study(fingerprints.diagnose_code),
    message:
        "Measuring how the tasks of {wildcards.dataset} are related"
    script:
        "../workflow/scripts/measure_tasks.py"


rule recommend:
    """What the tasks gain, which measure told so, and what to do."""
    input:
        measures=rules.measure_tasks.output,
        scores=lambda wildcards: expand("{folder}/scores.csv", folder=diagnosed_subsets(wildcards)),
        records=lambda wildcards: expand(
            "{folder}/record.json", folder=diagnosed_subsets(wildcards)
        ),
    output:
        json=f"{DIAGNOSIS}/diagnosis.json",
        md=f"{DIAGNOSIS}/recommendation.md",
    log:
        "results/logs/recommend/{dataset}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        subsets=diagnosed_subsets,
        code=code_of("evidence/diagnosis/diagnosis.py"),
    message:
        "Recommending which tasks of {wildcards.dataset} share"
    script:
        "../workflow/scripts/recommend.py"


rule diagnoses:
    """Ask for the recommendation of every dataset of `diagnosis`."""
    input:
        expand(rules.recommend.output, dataset=STUDY.diagnosis.datasets),
