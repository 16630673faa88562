"""Train one sharing method over all its seeds; write metrics, record, predictions and weights."""

from pathlib import Path

from mtnas.experiments.train import train
from mtnas.runtime.job import job
from mtnas.study.specs import RunSpec
from mtnas.training.devices import device_of

with job(snakemake) as smk:
    run = train(
        RunSpec.of(smk.params.spec),
        table=smk.input.table,
        manifest=smk.input.manifest,
        routes=smk.input.get("routes"),
        supernet=smk.input.get("supernet"),
        tuned=smk.input.get("tuned"),
        seeds_at_once=smk.resources.seeds_at_once,
        device=device_of(smk.resources),
        journal=Path(smk.output.metrics).parent / ".unfinished",
        code=smk.params.code,
    )
    run.write(**smk.output)
