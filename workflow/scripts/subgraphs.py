"""Measure how far Share-Bottom and MMoE differ from their routes of the search space."""

from mtnas.experiments.equivalence import measure
from mtnas.runtime.job import job

with job(snakemake) as smk:
    measure(smk.output.json, smk.params.typical)
