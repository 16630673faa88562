"""Write the regret table of a space from its ground truths and the judged searches."""

from mtnas.reporting.regret import regret_table
from mtnas.reporting.writers import write_table
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    write_table(regret_table(smk.input.truths, smk.params.judged), **smk.output)
