"""Write the table of experiment `why_single` from its run folders."""

from mtnas.reporting.why_single import why_single
from mtnas.reporting.writers import write_table
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    write_table(why_single(smk.params.runs), **smk.output)
