"""Run one study of planted tasks."""

from mtnas.experiments.simulated.base import write
from mtnas.runtime.job import job
from mtnas.study.specs import SimulatedStudySpec

with job(snakemake) as smk:
    write(
        SimulatedStudySpec.of(smk.params.spec),
        smk.output.results,
        smk.output.record,
        smk.params.code,
    )
