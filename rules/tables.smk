"""The paper's tables with our numbers, each as Markdown, LaTeX, CSV and a ledger of its cells.

requires: the manifests of the datasets (Tables 1 and 4), the runs of experiment `main` (Table 2)
provides: results/tables/{table1,table2,table4}.{md,tex,csv,cells.csv}
"""

MANIFESTS = expand(rules.prepare.output.manifest, dataset=STUDY["datasets"])
TABLE_CODE = code_of("reporting/tables.py", "reporting/data_tables.py", "reporting/writers.py")


rule table1:
    """Table 1: how many examples, fields, features and tasks a dataset has."""
    input:
        paper="config/paper/results.yaml",
        manifests=MANIFESTS,
    output:
        **table_files("table1"),
    log:
        "results/logs/table1.log",
    conda:
        "../envs/cpu.yaml"
    params:
        code=TABLE_CODE,
    message:
        "Writing Table 1"
    script:
        "../workflow/scripts/table1.py"


rule table2:
    """Tables 2 and 3: test AUC and loss of every method, and paired differences to MTNAS."""
    input:
        paper="config/paper/results.yaml",
        metrics=main_runs(rules.train.output.metrics),
        records=main_runs(rules.train.output.record),
    output:
        **table_files("table2"),
    log:
        "results/logs/table2.log",
    conda:
        "../envs/cpu.yaml"
    params:
        runs=main_runs(RUN),
        code=TABLE_CODE,
    message:
        "Writing Table 2"
    script:
        "../workflow/scripts/table2.py"


rule table4:
    """Table 4: the Pearson correlation of the task labels."""
    input:
        paper="config/paper/results.yaml",
        manifests=MANIFESTS,
    output:
        **table_files("table4"),
    log:
        "results/logs/table4.log",
    conda:
        "../envs/cpu.yaml"
    params:
        code=TABLE_CODE,
    message:
        "Writing Table 4"
    script:
        "../workflow/scripts/table4.py"
