"""Search the sharing routes of one method over all its seeds; write routes and weights."""

from pathlib import Path

from mtnas.experiments.search import search
from mtnas.runtime.job import job
from mtnas.study.specs import SearchSpec
from mtnas.training.devices import device_of

with job(snakemake) as smk:
    found = search(
        SearchSpec.of(smk.params.spec),
        table=smk.input.table,
        manifest=smk.input.manifest,
        seeds_at_once=smk.resources.seeds_at_once,
        device=device_of(smk.resources),
        journal=Path(smk.output.routes).parent / ".unfinished",
        code=smk.params.code,
    )
    found.write(**smk.output)
