"""Search the sharing routes of one method over all its seeds; write routes and weights."""

from pathlib import Path

from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.runtime.job import job
from mtnas.study.specs import SearchSpec

with job(snakemake) as smk:
    unfinished = Path(smk.output.routes).parent / ".unfinished"
    found = search(
        SearchSpec.of(smk.params.spec),
        Job.of(smk, at_once=smk.resources.seeds_at_once, journal=unfinished),
    )
    found.write(**smk.output)
