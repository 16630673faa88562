"""Write Table 1 from the manifests of the datasets."""

from mtnas.report.data_tables import data_statistics
from mtnas.report.writers import write_table
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_table(data_statistics(smk.input.manifests), **smk.output)
