"""Figures 4 to 6, of synthetic data (Sec. 5.1).

requires: the runs and the routes.json of experiment `main` on synthetic datasets
provides: results/figures/{figure4,figure5,figure6}.{png,pdf}
"""

SYNTHETIC_RUNS = selection.synthetic_runs(INVENTORY)
GATED_RUNS = selection.gated_runs(INVENTORY)
UNRELATED = selection.unrelated(INVENTORY)
SYNTHETIC_CODE = code_of("report/synthetic_figures.py")


rule figure4:
    """Figure 4: the loss of all methods over the epochs."""
    input:
        records=of_runs(rules.train.output.record, SYNTHETIC_RUNS),
        metrics=of_runs(rules.train.output.metrics, SYNTHETIC_RUNS),
    output:
        png="results/figures/figure4.png",
        pdf="results/figures/figure4.pdf",
    log:
        "results/logs/figure4.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, SYNTHETIC_RUNS),
        code=SYNTHETIC_CODE,
    message:
        "Drawing Figure 4"
    script:
        "../workflow/scripts/figure4.py"


rule figure5:
    """Figure 5: the routes that searches found on unrelated tasks."""
    input:
        routes=of_runs(rules.search.output.routes, UNRELATED),
    output:
        png="results/figures/figure5.png",
        pdf="results/figures/figure5.pdf",
    log:
        "results/logs/figure5.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        drawn={run[0]: INVENTORY.datasets[run[0]].drawn for run in UNRELATED},
        code=SYNTHETIC_CODE,
    message:
        "Drawing Figure 5"
    script:
        "../workflow/scripts/figure5.py"


rule figure6:
    """Figure 6: the mean gate scores of MMoE."""
    input:
        records=of_runs(rules.train.output.record, GATED_RUNS),
        metrics=of_runs(rules.train.output.metrics, GATED_RUNS),
    output:
        png="results/figures/figure6.png",
        pdf="results/figures/figure6.pdf",
    log:
        "results/logs/figure6.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, GATED_RUNS),
        code=SYNTHETIC_CODE,
    message:
        "Drawing Figure 6"
    script:
        "../workflow/scripts/figure6.py"
