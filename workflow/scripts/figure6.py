"""Draw Figure 6, the mean gate scores of MMoE, from run folders."""

from mtnas.report.synthetic_figures import figure6
from mtnas.runtime.job import job

with job(snakemake) as smk:
    figure6(smk.params.runs, smk.output)
