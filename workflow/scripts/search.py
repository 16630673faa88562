"""Search the sharing routes of one method over all its seeds; write routes and weights."""

from pathlib import Path

from mtnas.devices import device_of
from mtnas.experiment import search
from mtnas.snakemake_job import job

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
