"""Which tasks of a dataset should share a model: measures, gains, a recommendation (`diagnosis`).

requires: results/data/{dataset}/table.parquet, table.ids.npy, table.inputs, manifest.json
          results/subsets/diagnosis/{dataset}/share_bottom/{variant}/scores.csv, record.json
provides: results/diagnosis/{dataset}/measures.csv, capacity.csv, record.json
          results/diagnosis/{dataset}/diagnosis.json, recommendation.md
"""


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
        folder=DIAGNOSIS,
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
