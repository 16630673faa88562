"""Draw all routes of a space in order, with what each search picked."""

from mtnas.reporting.exhaustive import exhaustive_figure
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    exhaustive_figure(smk.input.truths, smk.params.judged, smk.output)
