"""Train models of subsets of the tasks, to see which tasks gain from which (`subsets`).

requires: results/data/{dataset}/table.parquet, table.ids.npy, table.inputs, manifest.json
          results/tuning/{dataset}/{method}/{variant}/best.json (where `tuning` says so)
provides: results/subsets/{subsets}/{dataset}/{method}/{variant}/scores.csv, record.json
"""


rule train_subsets:
    """Train every subset for all seeds; a job that was killed goes on."""
    input:
        unpack(winner_if_tuned),
        table=rules.prepare.output.table,
        ids=rules.prepare.output.ids,
        inputs=rules.prepare.output.inputs,
        manifest=rules.prepare.output.manifest,
    output:
        scores=f"{SUBSETS}/scores.csv",
        record=f"{SUBSETS}/record.json",
    log:
        "results/logs/train_subsets/{subsets}/{dataset}/{method}/{variant}.log",
    benchmark:
        "results/benchmarks/train_subsets/{subsets}/{dataset}/{method}/{variant}.tsv"
    priority: 1  # long: where cores are few, it goes first
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(360),
        mem_mb=per_attempt(8000),
        models_at_once=0,  # speed only; 0: as many as suit the machine
        gpu=0,
    params:
        spec=spec_of(studies.subsets_spec),
        code=of_study(fingerprints.subsets_code),
    message:
        "Training subsets of the tasks of {wildcards.dataset} with {wildcards.method} ({wildcards.variant})"
    script:
        "../workflow/scripts/subsets.py"


rule subsets:
    """Ask for every entry of `subsets`."""
    input:
        expand("{folder}/scores.csv", folder=subset_folders(PLAN.subsets)),
