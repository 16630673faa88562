"""Write the simulated raw files of one dataset."""

from mtnas.data.simulators.base import simulate
from mtnas.runtime.job import job

with job(snakemake) as smk:
    simulate(smk.params.spec, smk.output.folder)
