"""Measure how far Share-Bottom and MMoE differ from their routes of the search space."""

from mtnas.snakemake_job import job
from mtnas.subgraphs import measure

with job(snakemake) as smk:
    measure(smk.output.json, smk.params.typical)
