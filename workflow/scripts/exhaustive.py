"""Train every route of a small space over all seeds; write the ground truth."""

from mtnas.devices import device_of
from mtnas.exhaustive import train_every_route
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    train_every_route(
        smk.params.spec,
        table=smk.input.table,
        manifest=smk.input.manifest,
        output=smk.output.table,
        models_at_once=smk.resources.models_at_once,
        device=device_of(smk.resources),
        code=smk.params.code,
    )
