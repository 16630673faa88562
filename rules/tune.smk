"""Grid search of a method's options on validation, before it is trained (`tuning` in the config).

requires: results/data/{dataset}/table.parquet, table.ids.npy, table.inputs, manifest.json
          results/routes/{dataset}/{method}/{variant}/routes.json (methods that search)
provides: results/tuning/{dataset}/{method}/{variant}/trials.csv, best.json
What wins travels as a file: which jobs there are does not depend on it.
"""


rule tune:
    """Train every point of the grid on training examples; choose by the loss on validation."""
    input:
        unpack(routes_if_searched),
        table=rules.prepare.output.table,
        ids=rules.prepare.output.ids,
        inputs=rules.prepare.output.inputs,
        manifest=rules.prepare.output.manifest,
    output:
        trials=f"{TUNING}/trials.csv",
        best=f"{TUNING}/best.json",
    log:
        "results/logs/tune/{dataset}/{method}/{variant}.log",
    benchmark:
        "results/benchmarks/tune/{dataset}/{method}/{variant}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(360),
        mem_mb=per_attempt(8000),
        seeds_at_once=0,  # speed only; pairs of trial and seed; 0: as many as suit the machine
        gpu=0,
    params:
        spec=spec_of(studies.tune_spec),
        code=of_study(fingerprints.tune_code),
    message:
        "Tuning {wildcards.method} ({wildcards.variant}) on {wildcards.dataset}"
    script:
        "../workflow/scripts/tune.py"
