"""Turn the raw data of a dataset into one table of hashed fields and labels, and audit it; make
features of its texts before, where an encoder reads them.

requires: results/raw/{dataset}/{file}, if the dataset is neither embedded nor in a folder that
          dataset_options.{dataset}.raw names; results/simulated/{dataset}, if `simulate` is set
provides: results/encoded/{dataset}.parquet
          results/data/{dataset}/table.parquet, table.ids.npy, table.inputs,
          table.vocabulary.parquet, manifest.json
          results/audit/{dataset}.json, .md
"""


rule encode:
    """Make features of the texts of one dataset with a pretrained encoder, once."""
    input:
        raw=of_study(raw_files.fetched_files),
    output:
        ENCODED,
    log:
        "results/logs/encode/{dataset}.log",
    benchmark:
        "results/benchmarks/encode/{dataset}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(60),
        mem_mb=per_attempt(4000),
    params:
        sources=of_study(raw_files.raw_digests),
        raw=unwatched(raw_files.raw_folder),
        code=of_study(fingerprints.encoding_code),
    message:
        "Encoding the texts of {wildcards.dataset}"
    script:
        "../workflow/scripts/encode.py"


rule prepare:
    """Read, hash and store one dataset; the manifest says what is in the table."""
    input:
        raw=of_study(raw_files.fetched_files),
        encoded=of_study(raw_files.encoded_files),
        simulated=simulated_folder,
    output:
        table=f"{DATA}/table.parquet",
        ids=f"{DATA}/table.ids.npy",
        inputs=directory(f"{DATA}/table.inputs"),
        vocabulary=f"{DATA}/table.vocabulary.parquet",
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
        spec=spec_of(studies.prepare_spec),
        sources=of_study(raw_files.raw_digests),
        raw=unwatched(raw_files.raw_folder),
        code=of_study(fingerprints.data_code),
    message:
        "Preparing {wildcards.dataset}"
    script:
        "../workflow/scripts/prepare.py"


rule audit:
    """Tell what was left out and what gives a label away; compare with the paper's data."""
    input:
        paper=of_checkout("config/paper/results.yaml"),
        table=rules.prepare.output.table,
        ids=rules.prepare.output.ids,
        inputs=rules.prepare.output.inputs,
        manifest=rules.prepare.output.manifest,
    output:
        json=AUDIT,
        md="results/audit/{dataset}.md",
    log:
        "results/logs/audit/{dataset}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        code=code_of("report/audit.py"),
    message:
        "Auditing {wildcards.dataset}"
    script:
        "../workflow/scripts/audit.py"


# Synthetic data have no source to audit.
MEASURED = [name for name in STUDY.datasets if name not in PLAN.synthetic]
AUDITS = expand(rules.audit.output.md, dataset=MEASURED)
