"""Write the regret table of a space from its ground truths and the judged searches."""

from mtnas.report.regret import regret_table
from mtnas.report.writers import write_table
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_table(regret_table(smk.input.truths, smk.params.judged), **smk.output)
