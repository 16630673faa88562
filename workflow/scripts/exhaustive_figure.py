"""Draw all routes of a space in order, with what each search picked."""

from mtnas.report.exhaustive import exhaustive_figure
from mtnas.runtime.job import job

with job(snakemake) as smk:
    exhaustive_figure(smk.input.truths, smk.params.judged, smk.output)
