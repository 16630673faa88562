"""Read, hash and store one dataset; write its table, what belongs to it, and its manifest."""

from mtnas.data import sources
from mtnas.data.fetch.acquire import admit
from mtnas.data.prepare.table import prepare
from mtnas.runtime.job import job

with job(snakemake) as smk:
    if smk.input.raw:  # fetched, not in a folder of the user's
        dataset = smk.wildcards.dataset
        admit(smk.input.raw, sources.load(dataset).downloads, dataset=dataset)
    table, manifest = smk.output.table, smk.output.manifest  # the others lie beside the table
    prepare(
        smk.params.spec,
        table=table,
        manifest=manifest,
        raw=smk.params.raw,
        encoded=next(iter(smk.input.encoded), None),
    )
