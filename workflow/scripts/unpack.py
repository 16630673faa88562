"""Unpack one raw file."""

from mtnas.data.fetch.acquire import unpack
from mtnas.runtime.job import job

with job(snakemake) as smk:
    unpack(smk.input[0], smk.output[0], dataset=smk.wildcards.dataset, lock=smk.params.lock)
