"""Write Table 5 from the run folders of MTNAS and its variants."""

from mtnas.report.table5 import variants
from mtnas.report.writers import write_table
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_table(variants(smk.params.runs, manifests=smk.input.manifests), **smk.output)
