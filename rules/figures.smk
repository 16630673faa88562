"""Figure 3, the searched routes, and how the searches went.

requires: the routes.json of every search of experiment `main` that learns
provides: results/figures/{figure3,search_curves}.{png,pdf}; FIGURES, all figures of the study
"""

SEARCHED = of_runs(rules.search.output.routes, studies.experiment_searches(STUDY, "main"))
FIGURES = [
    *expand("results/figures/{name}.png", name=["figure3", "search_curves"] if SEARCHED else []),
    *SYNTHETIC_FIGURES,
]
FIGURE_CODE = code_of("reporting/figures.py")


rule figure3:
    """Figure 3: the searched routes, one dataset after the other."""
    input:
        routes=SEARCHED,
    output:
        png="results/figures/figure3.png",
        pdf="results/figures/figure3.pdf",
    log:
        "results/logs/figure3.log",
    conda:
        "../envs/cpu.yaml"
    params:
        code=FIGURE_CODE,
    message:
        "Drawing Figure 3"
    script:
        "../workflow/scripts/figure3.py"


rule search_curves:
    """Reward and entropy over the steps of the searches."""
    input:
        routes=SEARCHED,
    output:
        png="results/figures/search_curves.png",
        pdf="results/figures/search_curves.pdf",
    log:
        "results/logs/search_curves.log",
    conda:
        "../envs/cpu.yaml"
    params:
        code=FIGURE_CODE,
    message:
        "Drawing the curves of the searches"
    script:
        "../workflow/scripts/search_curves.py"
