"""Figures 4 to 6, of synthetic data (Sec. 5.1).

requires: the runs and the routes.json of experiment `main` on synthetic datasets
provides: results/figures/{figure4,figure5,figure6}.{png,pdf}; SYNTHETIC_FIGURES, those that have
          something to draw
"""

SYNTHETIC_RUNS = [run for run in studies.experiment_runs(STUDY, "main") if run[0] in SYNTHETIC]
GATED_RUNS = [run for run in SYNTHETIC_RUNS if run[1] == "mmoe"]
UNRELATED = [
    run
    for run in studies.experiment_searches(STUDY, "main")
    if run[0] in SYNTHETIC and studies.drawn_options(STUDY, run[0]).rho == 0
]
SYNTHETIC_FIGURES = [
    f"results/figures/{name}.png"
    for name, drawn in {
        "figure4": SYNTHETIC_RUNS,
        "figure5": UNRELATED,
        "figure6": GATED_RUNS,
    }.items()
    if drawn
]
SYNTHETIC_CODE = code_of("reporting/synthetic_figures.py")


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
    conda:
        "../envs/cpu.yaml"
    params:
        drawn={
            run[0]: studies.drawn_options(STUDY, run[0]).model_dump(mode="json")
            for run in UNRELATED
        },
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
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, GATED_RUNS),
        code=SYNTHETIC_CODE,
    message:
        "Drawing Figure 6"
    script:
        "../workflow/scripts/figure6.py"
