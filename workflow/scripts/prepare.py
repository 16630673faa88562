"""Read, hash and store one dataset; write its table and manifest."""

from mtnas.data.fetch.acquire import admit
from mtnas.data.prepare.table import prepare
from mtnas.runtime.job import job

with job(snakemake) as smk:
    admit(smk.input.raw, dataset=smk.wildcards.dataset, lock=smk.params.lock)
    prepare(smk.params.spec, **smk.output, raw=smk.params.raw)
