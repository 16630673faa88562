"""Train one sharing method over all its seeds; write metrics, record and predictions."""

from pathlib import Path

from mtnas.experiments.run import run
from mtnas.runtime.job import job
from mtnas.training.devices import device_of

with job(snakemake) as smk:
    result = run(
        smk.params.spec,
        table=smk.input.table,
        manifest=smk.input.manifest,
        routes=smk.input.get("routes"),
        supernet=smk.input.get("supernet"),
        tuned=smk.input.get("tuned"),
        seeds_at_once=smk.resources.seeds_at_once,
        device=device_of(smk.resources),
        checkpoints=Path(smk.output.metrics).parent / ".checkpoint",
        code=smk.params.code,
    )
    result.write(**smk.output, code=smk.params.code)
