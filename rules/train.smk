"""Train and evaluate one sharing method on one dataset, over all its seeds.

requires: results/data/{dataset}/table.parquet, table.ids.npy, table.inputs, manifest.json
          results/routes/{dataset}/{method}/{variant}/routes.json (methods that search)
          results/routes/{dataset}/mtnas/paper/routes.json (`size_of: routes`)
          results/tuning/{dataset}/{method}/{variant}/best.json (where `tuning` says so)
provides: results/runs/{dataset}/{method}/{variant}/metrics.csv, run.json, predictions.parquet,
          model.safetensors
"""


rule train:
    """Train on the training examples, select on validation, measure once on test."""
    input:
        unpack(needed_by_run),
        table=rules.prepare.output.table,
        ids=rules.prepare.output.ids,
        inputs=rules.prepare.output.inputs,
        manifest=rules.prepare.output.manifest,
    output:
        metrics=f"{RUN}/metrics.csv",
        record=f"{RUN}/run.json",
        predictions=f"{RUN}/predictions.parquet",
        weights=f"{RUN}/model.safetensors",
    log:
        "results/logs/train/{dataset}/{method}/{variant}.log",
    benchmark:
        "results/benchmarks/train/{dataset}/{method}/{variant}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(60),
        mem_mb=per_attempt(8000),
        seeds_at_once=0,  # speed only; 0: as many as suit the machine
        gpu=0,
    params:
        spec=spec_of(studies.run_spec),
        code=of_study(fingerprints.run_code),
    message:
        "Training {wildcards.method} ({wildcards.variant}) on {wildcards.dataset}"
    script:
        "../workflow/scripts/train.py"


rule runs:
    """Ask for every run of every experiment."""
    input:
        of_runs(rules.train.output.metrics, STUDY.all_runs),
