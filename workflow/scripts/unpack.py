"""Unpack one raw file."""

from mtnas.data import sources
from mtnas.data.fetch.acquire import unpack
from mtnas.runtime.job import job

with job(snakemake) as smk:
    dataset, file = smk.wildcards.dataset, smk.wildcards.file
    unpack(smk.input[0], smk.output[0], sources.load(dataset).download(file), dataset=dataset)
