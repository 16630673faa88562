"""Search the grid of one method on validation; write all trials and what won."""

from pathlib import Path

from mtnas.experiments.job import Job
from mtnas.experiments.tune import tune
from mtnas.runtime.job import job
from mtnas.study.specs import TuneSpec

with job(snakemake) as smk:
    unfinished = Path(smk.output.best).parent / ".unfinished"
    found = tune(
        TuneSpec.of(smk.params.spec),
        Job.of(smk, at_once=smk.resources.seeds_at_once, journal=unfinished),
        routes=smk.input.get("routes"),
    )
    found.write(**smk.output)
