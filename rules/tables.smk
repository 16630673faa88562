"""The paper's tables with our numbers, each as Markdown, LaTeX, CSV and a ledger of its cells.

requires: the manifests of the datasets (Tables 1 and 4), the runs of experiment `main` (Tables 2
          and 3), those of MTNAS and its variants in any experiment (Table 5)
provides: results/tables/{table1,table2,table3,table4,table5}.{md,tex,csv,cells.csv}
          TABLES, the names of those that the study has runs for, regret tables included
"""

MANIFESTS = expand(rules.prepare.output.manifest, dataset=STUDY.datasets)
DESCRIBED = expand(rules.prepare.output.manifest, dataset=selection.principal(INVENTORY))
TABLE_CODE = code_of(
    *[f"report/{name}.py" for name in ("tables", "table5", "data_tables", "writers")]
)
TABLE_RUNS = selection.table_runs(INVENTORY)
TABLES = selection.tables(INVENTORY)


rule table1:
    """Table 1: how many examples, fields, features and tasks a dataset has."""
    input:
        paper="config/paper/results.yaml",
        manifests=DESCRIBED,
    output:
        **table_files("table1"),
    log:
        "results/logs/table1.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        code=TABLE_CODE,
    message:
        "Writing Table 1"
    script:
        "../workflow/scripts/table1.py"


rule table2:
    """Table 2: test AUC and loss of every method, and paired differences to MTNAS."""
    input:
        paper="config/paper/results.yaml",
        metrics=of_runs(rules.train.output.metrics, TABLE_RUNS["table2"]),
        records=of_runs(rules.train.output.record, TABLE_RUNS["table2"]),
        manifests=DESCRIBED,
    output:
        **table_files("table2"),
    log:
        "results/logs/table2.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, TABLE_RUNS["table2"]),
        code=TABLE_CODE,
    message:
        "Writing Table 2"
    script:
        "../workflow/scripts/table2.py"


rule table3:
    """Table 3: the same for datasets with three or more tasks."""
    input:
        paper="config/paper/results.yaml",
        metrics=of_runs(rules.train.output.metrics, TABLE_RUNS["table3"]),
        records=of_runs(rules.train.output.record, TABLE_RUNS["table3"]),
        manifests=DESCRIBED,
    output:
        **table_files("table3"),
    log:
        "results/logs/table3.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, TABLE_RUNS["table3"]),
        code=TABLE_CODE,
    message:
        "Writing Table 3"
    script:
        "../workflow/scripts/table3.py"


rule table4:
    """Table 4: the Pearson correlation of the task labels."""
    input:
        paper="config/paper/results.yaml",
        manifests=DESCRIBED,
    output:
        **table_files("table4"),
    log:
        "results/logs/table4.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        code=TABLE_CODE,
    message:
        "Writing Table 4"
    script:
        "../workflow/scripts/table4.py"


rule table5:
    """Table 5: the loss of the variants of MTNAS, and paired differences to it."""
    input:
        paper="config/paper/results.yaml",
        metrics=of_runs(rules.train.output.metrics, TABLE_RUNS["table5"]),
        records=of_runs(rules.train.output.record, TABLE_RUNS["table5"]),
        manifests=DESCRIBED,
    output:
        **table_files("table5"),
    log:
        "results/logs/table5.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, TABLE_RUNS["table5"]),
        code=TABLE_CODE,
    message:
        "Writing Table 5"
    script:
        "../workflow/scripts/table5.py"


rule why_single:
    """What is left of Single's lead when a joint model has what Single has, one by one."""
    input:
        metrics=of_runs(rules.train.output.metrics, TABLE_RUNS["why_single"]),
        records=of_runs(rules.train.output.record, TABLE_RUNS["why_single"]),
    output:
        **table_files("why_single"),
    log:
        "results/logs/why_single.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, TABLE_RUNS["why_single"]),
        code=code_of("report/why_single.py", "report/writers.py"),
    message:
        "Writing what Single's lead is made of"
    script:
        "../workflow/scripts/why_single.py"
