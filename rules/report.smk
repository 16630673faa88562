"""The answer of the study in sentences, and one self-contained HTML file with everything.

requires: the claims ledger, the tables and figures with their data, the runs and learned routes of
          all experiments, the diagnoses, the manifests, the audits
provides: results/answer.json, results/answer.md: question, findings, how sure, what to do;
          results/contents.json: what belongs to the study, and what is of another one;
          results/aside/: tables and figures of another study, moved there, and the last answer
          while a run has none of its own;
          results/report.html; results/report.json: the digests of all files for readers
"""

ANSWERED = needs_of(PLAN)
AWAITED = set(rules.claims.input)  # by the claims already: to name it again takes planning time


rule answer:
    """What the study found, in sentences."""
    input:
        *[file for file in ANSWERED.files if file not in AWAITED],
        claims=rules.claims.output.json,
    output:
        json="results/answer.json",
        md="results/answer.md",
        contents="results/contents.json",
    log:
        "results/logs/answer.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        needs=asdict(ANSWERED),
        belongs=belonging(),
        code=code_of("report/answer/build.py", "report/answer/contents.py"),
    message:
        "Writing the answer"
    script:
        "../workflow/scripts/answer.py"


rule report:
    """The report: what to read first."""
    input:
        # Text: of an output of another rule, planning would take time with the square of all files.
        answer=str(rules.answer.output.json),
        claims=str(rules.claims.output.json),
        sharing=[shown_as(name) for name in SHARING],
        tables=[shown_as(name) for name in TABLES if name not in SHARING],
        figures=[shown_as(name) for name in FIGURES if name not in SHARING],
        cells=[table_files(name)["cells"] for name in TABLES],
        drawn=[figure_files(name)["csv"] for name in FIGURES],
        diagnoses=expand(rules.recommend.output.json, dataset=STUDY.diagnosis.datasets),
        audits=AUDITS,
        findings=expand(rules.audit.output.json, dataset=MEASURED),
    output:
        html=report(
            "results/report.html",
            caption="../workflow/report/report.rst",
            category="Report",
            labels={"shows": "Everything on one page (report)"},
        ),
        record="results/report.json",
    log:
        "results/logs/report.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, STUDY.all_runs),  # the claims wait for these three
        routes=of_runs(rules.search.output.routes, PLAN.main_searches),
        manifests=MANIFESTS,
        titles=titles(PLAN, [run[1:] for run in STUDY.all_runs]),
        datasets=dataset_titles(STUDY.datasets),
        main=PLAN.main,
        searched=[(*run, PLAN.homes[run]) for run in PLAN.main if run in PLAN.homes],
        # Takes `input` so that another command alone makes nothing run.
        command=lambda wildcards, input: study_command(
            "all", OVERLAYS, workflow.config_settings.config
        ),
        code=code_of("report/site/page.py", *site_files()),
    message:
        "Writing the report"
    script:
        "../workflow/scripts/report.py"
