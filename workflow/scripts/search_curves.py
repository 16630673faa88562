"""Draw the curves of the searches from their routes files."""

from mtnas.report.figures import search_curves
from mtnas.runtime.job import job

with job(snakemake) as smk:
    search_curves(smk.input.routes, smk.output)
