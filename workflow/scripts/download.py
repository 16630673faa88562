"""Fetch one raw file from the first address that has it, or check the one that is there."""

from mtnas.data import sources
from mtnas.data.fetch.acquire import fetch
from mtnas.runtime.job import job

with job(snakemake) as smk:
    dataset, file = smk.wildcards.dataset, smk.wildcards.file
    fetch(smk.output[0], sources.load(dataset).download(file), dataset=dataset)
