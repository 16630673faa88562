"""Fetch one raw file from the first mirror that has it, or check the one that is there."""

from mtnas.data.fetch.acquire import fetch
from mtnas.runtime.job import job

with job(snakemake) as smk:
    fetch(smk.output[0], smk.params.source, dataset=smk.wildcards.dataset, lock=smk.params.lock)
