"""Write Table 4 from the manifests of the datasets."""

from mtnas.report.data_tables import label_correlations
from mtnas.report.writers import write_table
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_table(label_correlations(smk.input.manifests), **smk.output)
