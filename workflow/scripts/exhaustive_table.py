"""Collect the ground truths of one dataset in one file."""

from mtnas.evidence.exhaustive_table import concatenate
from mtnas.runtime.job import job

with job(snakemake) as smk:
    concatenate(smk.input.spaces).write(smk.output.table)
