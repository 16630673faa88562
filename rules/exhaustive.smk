"""Train every route of a small space, and judge the searches by the outcome.

requires: results/data/{dataset}/table.parquet, table.ids.npy, table.inputs, manifest.json
provides: results/exhaustive/{dataset}/{space}.parquet, results/exhaustive/{dataset}.parquet
"""

SPACES = list(STUDY.exhaustive)
EXHAUSTIVE = expand(TRUTHS, dataset=STUDY.datasets if SPACES else [])


rule exhaustive:
    """Train all routes of one space for all seeds; a job that was killed goes on."""
    input:
        table=rules.prepare.output.table,
        ids=rules.prepare.output.ids,
        inputs=rules.prepare.output.inputs,
        manifest=rules.prepare.output.manifest,
    output:
        table=TRUTH,
    log:
        "results/logs/exhaustive/{dataset}/{space}.log",
    benchmark:
        "results/benchmarks/exhaustive/{dataset}/{space}.tsv"
    priority: 1  # long, and others wait for it: where cores are few, it goes first
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(360),
        mem_mb=per_attempt(8000),
        models_at_once=0,  # speed only; 0: as many as suit the machine
        gpu=0,
    params:
        spec=spec_of(search_spaces.exhaustive_spec),
        code=code_of("experiments/every_route.py", "methods/mtnas.py"),
    message:
        "Training every route of space {wildcards.space} on {wildcards.dataset}"
    script:
        "../workflow/scripts/exhaustive.py"


rule exhaustive_table:
    """All spaces of one dataset in one file."""
    input:
        spaces=expand(TRUTH, space=SPACES, allow_missing=True),
    output:
        table=TRUTHS,
    log:
        "results/logs/exhaustive/{dataset}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        code=code_of("evidence/exhaustive_table.py"),
    message:
        "Collecting the exhaustive tables of {wildcards.dataset}"
    script:
        "../workflow/scripts/exhaustive_table.py"


rule exhaustives:
    """Ask for every space on every dataset, with its table and figure."""
    input:
        EXHAUSTIVE,
        [table_files(f"regret_{space}").values() for space in SPACES],
        [figure_files(f"exhaustive_{space}").values() for space in SPACES],
