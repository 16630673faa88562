"""Draw Figure 5, the routes of unrelated tasks, from the routes files of the searches."""

from mtnas.report.synthetic_figures import figure5
from mtnas.runtime.job import job

with job(snakemake) as smk:
    figure5(smk.input.routes, smk.params.drawn, smk.output)
