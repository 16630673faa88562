"""Turn the raw data of a dataset into one table of hashed fields and labels, split by seed.

requires: results/raw/{dataset}/{file}, if the dataset is neither embedded nor in a folder that
          dataset_options.{dataset}.raw names
provides: results/data/{dataset}/table.parquet, manifest.json
"""


rule prepare:
    """Read, hash and store one dataset; the manifest says what is in the table."""
    input:
        raw=spec(sources.fetched_files),
    output:
        table=f"{DATA}/table.parquet",
        manifest=f"{DATA}/manifest.json",
    log:
        "results/logs/prepare/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=30,
        mem_mb=8000,
    params:
        spec=spec(studies.prepare_spec),
        sources=spec(sources.raw_digests),
        raw=unwatched(sources.raw_folder),
        lock=LOCK,
        code=data_code,
    message:
        "Preparing {wildcards.dataset}"
    script:
        "../workflow/scripts/prepare.py"
