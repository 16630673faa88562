"""Draw the curves of the searches from their routes files."""

from mtnas.reporting.figures import search_curves
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    search_curves(smk.input.routes, smk.output)
