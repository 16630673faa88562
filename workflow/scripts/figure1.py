"""Draw the runs of MMoE and the cut MMoE as box plots."""

from mtnas.reporting.sweeps import figure1
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    figure1(smk.params.runs, smk.output)
