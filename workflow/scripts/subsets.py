"""Train models of subsets of the tasks over all seeds; write their scores and a record."""

from pathlib import Path

from mtnas.experiments.job import Job
from mtnas.experiments.subsets import train_subsets
from mtnas.runtime.job import job
from mtnas.study.specs import SubsetsSpec

with job(snakemake) as smk:
    unfinished = Path(smk.output.scores).parent / ".unfinished"
    trained = train_subsets(
        SubsetsSpec.of(smk.params.spec),
        Job.of(smk, at_once=smk.resources.models_at_once, journal=unfinished),
        tuned=smk.input.get("tuned"),
    )
    trained.write(**smk.output)
