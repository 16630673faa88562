"""Write the HTML report from all that a study left."""

from mtnas.report.site.made import Made
from mtnas.report.site.page import write_report
from mtnas.report.site.record import write_shown
from mtnas.report.site.sources import Sources
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_report(
        smk.output.html,
        Sources(
            answer=smk.input.answer,
            claims=smk.input.claims,
            tables=smk.input.tables,
            figures=smk.input.figures,
            sharing=smk.input.sharing,
            diagnoses=smk.input.diagnoses,
            routes=smk.params.routes,
            run_folders=smk.params.runs,
            manifests=smk.params.manifests,
            audits=smk.input.audits,
            findings=smk.input.findings,
            main=[tuple(run) for run in smk.params.main],
            homes={tuple(run): home for *run, home in smk.params.searched},
            titles=smk.params.titles,
            made=Made.now(smk.params.command),
        ),
    )
    write_shown(smk.output.record)
