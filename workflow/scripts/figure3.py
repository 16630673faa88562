"""Draw Figure 3 from the routes files of the searches."""

from mtnas.report.figures import figure3
from mtnas.runtime.job import job

with job(snakemake) as smk:
    figure3(smk.input.routes, smk.output)
