"""Search the sharing routes of one method over all its seeds; write routes and weights."""

from pathlib import Path

from mtnas.experiments.run import search
from mtnas.runtime.job import job
from mtnas.training.devices import device_of

with job(snakemake) as smk:
    found = search(
        smk.params.spec,
        table=smk.input.table,
        manifest=smk.input.manifest,
        seeds_at_once=smk.resources.seeds_at_once,
        device=device_of(smk.resources),
        checkpoints=Path(smk.output.routes).parent / ".checkpoint",
        code=smk.params.code,
    )
    found.write(routes=smk.output.routes, supernet=smk.output.supernet, code=smk.params.code)
