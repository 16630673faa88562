"""Search the grid of one method on validation; write all trials and what won."""

from pathlib import Path

from mtnas.experiments.tune import tune
from mtnas.runtime.job import job
from mtnas.study.specs import TuneSpec
from mtnas.training.devices import device_of

with job(snakemake) as smk:
    found = tune(
        TuneSpec.of(smk.params.spec),
        table=smk.input.table,
        manifest=smk.input.manifest,
        routes=smk.input.get("routes"),
        seeds_at_once=smk.resources.seeds_at_once,
        device=device_of(smk.resources),
        journal=Path(smk.output.best).parent / ".unfinished",
        code=smk.params.code,
    )
    found.write(**smk.output)
