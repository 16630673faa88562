"""Measure how the tasks of a dataset are related, over all seeds."""

from pathlib import Path

from mtnas.experiments.diagnose.run import diagnose
from mtnas.experiments.job import Job
from mtnas.runtime.job import job
from mtnas.study.specs import DiagnoseSpec

with job(snakemake) as smk:
    unfinished = Path(smk.output.measures).parent / ".unfinished"
    measured = diagnose(
        DiagnoseSpec.of(smk.params.spec),
        Job.of(smk, at_once=smk.resources.models_at_once, journal=unfinished),
        tuned=smk.input.get("tuned"),
    )
    measured.write(**smk.output)
