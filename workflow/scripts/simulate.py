"""Write the simulated raw files of one dataset."""

from mtnas.simulation.base import simulate
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    simulate(smk.params.spec, smk.output.folder)
