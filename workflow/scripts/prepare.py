"""Read, hash and store one dataset; write its table and manifest."""

from mtnas.features.prepare import prepare
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    prepare(smk.params.spec, **smk.output, raw=smk.params.raw)
