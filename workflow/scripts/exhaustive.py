"""Train every route of a small space over all seeds; write the exhaustive table."""

from pathlib import Path

from mtnas.experiments.every_route import train_every_route
from mtnas.experiments.job import Job
from mtnas.runtime.job import job
from mtnas.study.specs import ExhaustiveSpec

with job(snakemake) as smk:
    table = Path(smk.output.table)
    unfinished = table.with_name(f".{table.stem}.unfinished")
    trained = train_every_route(
        ExhaustiveSpec.of(smk.params.spec),
        Job.of(smk, at_once=smk.resources.models_at_once, journal=unfinished),
    )
    trained.write(table)
