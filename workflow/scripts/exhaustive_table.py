"""Collect the ground truths of one dataset in one file."""

from mtnas.ground_truth import concatenate
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    concatenate(smk.input.spaces).write(smk.output.table)
