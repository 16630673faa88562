"""Draw Figure 3 from the routes files of the searches."""

from mtnas.reporting.figures import figure3
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    figure3(smk.input.routes, smk.output)
