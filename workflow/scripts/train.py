"""Train one sharing method over all its seeds; write metrics, record, predictions and weights."""

from pathlib import Path

from mtnas.experiments.job import Job
from mtnas.experiments.train import train
from mtnas.runtime.job import job
from mtnas.study.specs import RunSpec

with job(snakemake) as smk:
    unfinished = Path(smk.output.metrics).parent / ".unfinished"
    run = train(
        RunSpec.of(smk.params.spec),
        Job.of(smk, at_once=smk.resources.seeds_at_once, journal=unfinished),
        routes=smk.input.get("routes"),
        supernet=smk.input.get("supernet"),
        tuned=smk.input.get("tuned"),
        used=smk.input.get("used"),
    )
    run.write(**smk.output)
