"""Write Table 3 from the run folders of experiment `main` on datasets with three or more tasks."""

from mtnas.report.tables import main_results
from mtnas.report.writers import write_table
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_table(
        main_results(smk.params.runs, manifests=smk.input.manifests, name="table3"), **smk.output
    )
