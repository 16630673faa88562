"""Write the HTML report from tables, figures, runs, manifests and audits."""

from mtnas.report.site.page import write_report
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_report(
        smk.output.html,
        claims=smk.input.claims,
        sharing=smk.input.sharing,
        tables=smk.input.tables,
        figures=smk.input.figures,
        run_folders=smk.params.runs,
        titles=smk.params.titles,
        manifests=smk.input.manifests,
        audits=smk.input.audits,
        findings=smk.input.findings,
    )
