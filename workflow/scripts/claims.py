"""Judge every claim of the paper on the runs and routes of the study."""

from mtnas.report.claims import write_ledger
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_ledger(
        smk.output.json,
        smk.output.md,
        run_folders=smk.params.runs,
        routes=smk.input.routes,
        manifests=smk.input.manifests,
        exhaustive=smk.input.exhaustive,
        subgraphs=smk.input.subgraphs or None,
        subsets=smk.params.subsets,
        simulated_studies=smk.params.simulated_studies,
        study=smk.params.study,
    )
