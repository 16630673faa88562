"""Search the grid of one method on validation; write all trials and what won."""

from pathlib import Path

from mtnas.experiments.tune import tune
from mtnas.runtime.job import job
from mtnas.training.devices import device_of

with job(snakemake) as smk:
    result = tune(
        smk.params.spec,
        table=smk.input.table,
        manifest=smk.input.manifest,
        routes=smk.input.get("routes"),
        folder=Path(smk.output.best).parent,
        code=smk.params.code,
        seeds_at_once=smk.resources.seeds_at_once,
        device=device_of(smk.resources),
    )
    result.write(**smk.output, code=smk.params.code)
