"""Write the table of experiment `why_single` from its run folders."""

from mtnas.report.why_single import why_single
from mtnas.report.writers import write_table
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_table(why_single(smk.params.runs), **smk.output)
