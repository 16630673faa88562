"""Write Table 5 from the run folders of MTNAS and its variants."""

from mtnas.reporting.table5 import variants
from mtnas.reporting.writers import write_table
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    write_table(variants(smk.params.runs, manifests=smk.input.manifests), **smk.output)
