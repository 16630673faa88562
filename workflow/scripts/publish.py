"""Merge a finished study into results/published/, and rebuild what stands there."""

from mtnas.report.published.publish import publish
from mtnas.runtime.job import job

with job(snakemake) as smk:
    publish(
        smk.params.folder,
        plan=smk.params.plan,
        command=smk.params.command,
        run_folders=smk.params.runs,
        routes=smk.input.routes,
        manifests=smk.input.manifests,
        audits=smk.input.audits,
        tuning=smk.params.tuning,
        exhaustive=smk.input.exhaustive,
        subsets=smk.params.subsets,
        simulated_studies=smk.params.simulated_studies,
        diagnoses=smk.input.diagnoses,
        subgraphs=smk.input.subgraphs or None,
        specs=smk.params.specs,
    )
