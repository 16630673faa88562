"""Read, hash and store one dataset; write its table, what belongs to it, and its manifest."""

from mtnas.data.fetch.acquire import admit
from mtnas.data.prepare.table import prepare
from mtnas.runtime.job import job

with job(snakemake) as smk:
    admit(smk.input.raw, dataset=smk.wildcards.dataset, lock=smk.params.lock)
    table, manifest = smk.output.table, smk.output.manifest  # the others lie beside the table
    prepare(smk.params.spec, table=table, manifest=manifest, raw=smk.params.raw)
