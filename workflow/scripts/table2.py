"""Write Table 2 from the run folders of experiment `main`."""

from mtnas.report.tables import main_results
from mtnas.report.writers import write_table
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_table(main_results(smk.params.runs, manifests=smk.input.manifests), **smk.output)
