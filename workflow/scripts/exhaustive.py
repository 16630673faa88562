"""Train every route of a small space over all seeds; write the exhaustive table."""

from pathlib import Path

from mtnas.experiments.every_route import train_every_route
from mtnas.runtime.job import job
from mtnas.study.specs import ExhaustiveSpec
from mtnas.training.devices import device_of

with job(snakemake) as smk:
    table = Path(smk.output.table)
    trained = train_every_route(
        ExhaustiveSpec.of(smk.params.spec),
        table=smk.input.table,
        manifest=smk.input.manifest,
        models_at_once=smk.resources.models_at_once,
        device=device_of(smk.resources),
        journal=table.with_name(f".{table.stem}.unfinished"),
        code=smk.params.code,
    )
    trained.write(table)
