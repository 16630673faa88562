"""Draw Figure 4, the loss curves of all methods, from run folders."""

from mtnas.report.synthetic_figures import figure4
from mtnas.runtime.job import job

with job(snakemake) as smk:
    figure4(smk.params.runs, smk.output)
