"""One self-contained HTML file with every table, figure, dataset and run.

requires: the claims ledger, the tables, the figures, the runs of all experiments, the manifests, the audits
provides: results/report.html
"""

SITE = ("report.html.j2", "table.html.j2", "figure.html.j2", "report.css")


rule report:
    """The report: what to read first."""
    input:
        claims=rules.claims.output.md,
        sharing=[shown_as(name) for name in SHARING],
        tables=[shown_as(name) for name in TABLES if name not in SHARING],
        figures=[shown_as(name) for name in FIGURES if name not in SHARING],
        metrics=rules.runs.input,
        records=of_runs(rules.train.output.record, STUDY.all_runs),
        manifests=MANIFESTS,
        audits=AUDITS,
        findings=expand(rules.audit.output.json, dataset=MEASURED),
    output:
        html=report(
            "results/report.html",
            caption="../workflow/report/report.rst",
            category="Report",
            labels={"name": "report", "shows": "Everything on one page"},
        ),
    log:
        "results/logs/report.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, STUDY.all_runs),
        titles=titles(PLAN, [run[1:] for run in STUDY.all_runs]),
        datasets=dataset_titles(STUDY.datasets),
        code=code_of("report/site/page.py", *[f"report/site/{name}" for name in SITE]),
    message:
        "Writing the report"
    script:
        "../workflow/scripts/report.py"
