"""Search a sharing route, one for each seed (methods whose options have a `search` block).

requires: results/data/{dataset}/table.parquet, table.ids.npy, table.inputs, manifest.json
provides: results/routes/{dataset}/{method}/{variant}/routes.json
          results/routes/{dataset}/{method}/{variant}/supernet.safetensors (empty: no weights)
Variants with the same search share the job of the first of them.
"""


rule search:
    """Search routes on training and validation examples; the test examples stay unseen."""
    input:
        table=rules.prepare.output.table,
        ids=rules.prepare.output.ids,
        inputs=rules.prepare.output.inputs,
        manifest=rules.prepare.output.manifest,
    output:
        routes=f"{ROUTES}/routes.json",
        supernet=f"{ROUTES}/supernet.safetensors",
    log:
        "results/logs/search/{dataset}/{method}/{variant}.log",
    benchmark:
        "results/benchmarks/search/{dataset}/{method}/{variant}.tsv"
    priority: 1  # long, and others wait for it: where cores are few, it goes first
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(120),
        mem_mb=per_attempt(8000),
        seeds_at_once=0,  # speed only; 0: as many as suit the machine
        gpu=0,
    params:
        spec=spec_of(studies.search_spec),
        code=of_study(fingerprints.search_code),
    message:
        "Searching routes of {wildcards.method} ({wildcards.variant}) on {wildcards.dataset}"
    script:
        "../workflow/scripts/search.py"
