"""Turn the raw data of a dataset into one table of hashed fields and labels, split by seed.

requires: the raw files, if dataset_options.{dataset}.raw names a folder; else nothing
provides: results/data/{dataset}/table.parquet, table.ids.npy, manifest.json
"""


rule prepare:
    """Read, hash and store one dataset; the manifest says what is in the table."""
    output:
        table=f"{DATA}/table.parquet",
        ids=f"{DATA}/table.ids.npy",
        manifest=f"{DATA}/manifest.json",
    log:
        "results/logs/prepare/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(30),
        mem_mb=per_attempt(8000),
    params:
        spec=spec(studies.prepare_spec),
        sources=raw_hashes,
        raw=raw_folder,
        code=data_code,
    message:
        "Preparing {wildcards.dataset}"
    script:
        "../workflow/scripts/prepare.py"
