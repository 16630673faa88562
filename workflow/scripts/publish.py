"""Collect a finished study in results/published/."""

from pathlib import Path

from mtnas.reporting.published import publish
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    publish(
        Path(smk.output.metrics).parent,
        run_folders=smk.params.runs,
        routes=smk.input.routes,
        manifests=smk.input.manifests,
        tables=smk.input.tables,
        claims=smk.input.claims,
        figures=smk.input.figures,
        exhaustive=smk.input.exhaustive,
    )
