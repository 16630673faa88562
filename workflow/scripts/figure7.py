"""Draw scores and times over H or L from the runs of a sweep."""

from mtnas.report.sweeps import figure7
from mtnas.runtime.job import job

with job(snakemake) as smk:
    figure7(smk.params.runs, smk.input.routes, smk.output, smk.params.kind)
