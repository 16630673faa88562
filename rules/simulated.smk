"""Figures 4 to 6, of simulated data (Sec. 5.1).

requires: the runs and the routes.json of experiment `main` on simulated datasets
provides: results/figures/{figure4,figure5,figure6}.{png,pdf}; SIMULATED_FIGURES, those that have
          something to draw
"""

SIMULATED_RUNS = [run for run in studies.experiment_runs(STUDY, "main") if run[0] in SIMULATED]
GATED_RUNS = [run for run in SIMULATED_RUNS if run[1] == "mmoe"]
UNRELATED = [
    run
    for run in studies.experiment_searches(STUDY, "main")
    if run[0] in SIMULATED and studies.drawn_options(STUDY, run[0]).rho == 0
]
SIMULATED_FIGURES = [
    f"results/figures/{name}.png"
    for name, drawn in {
        "figure4": SIMULATED_RUNS,
        "figure5": UNRELATED,
        "figure6": GATED_RUNS,
    }.items()
    if drawn
]
SIMULATED_CODE = code_of("reporting/simulated_figures.py")


rule figure4:
    """Figure 4: the loss of all methods over the epochs."""
    input:
        records=of_runs(rules.train.output.record, SIMULATED_RUNS),
        metrics=of_runs(rules.train.output.metrics, SIMULATED_RUNS),
    output:
        png="results/figures/figure4.png",
        pdf="results/figures/figure4.pdf",
    log:
        "results/logs/figure4.log",
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, SIMULATED_RUNS),
        code=SIMULATED_CODE,
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
    conda:
        "../envs/cpu.yaml"
    params:
        code=SIMULATED_CODE,
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
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, GATED_RUNS),
        code=SIMULATED_CODE,
    message:
        "Drawing Figure 6"
    script:
        "../workflow/scripts/figure6.py"
