"""Write Table 4 from the manifests of the datasets."""

from mtnas.reporting.data_tables import label_correlations
from mtnas.reporting.writers import write_table
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    write_table(label_correlations(smk.input.manifests), **smk.output)
