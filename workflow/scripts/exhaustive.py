"""Train every route of a small space over all seeds; write the ground truth."""

from mtnas.experiments.every_route import train_every_route
from mtnas.runtime.job import job
from mtnas.training.devices import device_of

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
