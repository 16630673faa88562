"""Figures 1 to 3 and 7 and how the searches went: methods, search space, routes, sweeps.

requires: runs of MMoE on measured data (Figure 1d) and of the cut MMoE beside them (Figure 1e),
          results/claims/subgraphs.json (Figure 1a-c),
          the routes.json of every search of experiment `main` that learns (Figure 3, curves),
          runs and searches of the variants `subnets_*` (Figure 7) and `depth_*` (its twin over L)
provides: results/figures/{figure1,figure2,figure3,figure7,figure7_layers,search_curves}.{png,pdf}
          FIGURES, all figures that the study has runs for, wherever their rules are
"""

SEARCHED = of_runs(rules.search.output.routes, selection.searched(INVENTORY))
SEARCHED_MEASURED = of_runs(rules.search.output.routes, selection.searched_measured(INVENTORY))
SWEEPS = {name: selection.sweep_runs(INVENTORY, kind) for name, kind in selection.SWEEPS.items()}
GATED = selection.figure1_runs(INVENTORY)
# What is drawn of a method and of the search space is that of one dataset.
SHOWN = selection.shown(INVENTORY)
FIGURES = expand("results/figures/{name}.png", name=selection.figures(INVENTORY))
FIGURE_CODE = code_of("report/figures.py")
SWEEP_CODE = code_of("report/sweeps.py")


rule figure1:
    """Figure 1: methods as routes, gate scores of MMoE, MMoE against the cut MMoE."""
    input:
        metrics=of_runs(rules.train.output.metrics, GATED),
        records=of_runs(rules.train.output.record, GATED),
        subgraphs=SUBGRAPHS,
    output:
        png="results/figures/figure1.png",
        pdf="results/figures/figure1.pdf",
    log:
        "results/logs/figure1.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, GATED),
        code=code_of("report/figure1.py"),
    message:
        "Drawing Figure 1"
    script:
        "../workflow/scripts/figure1.py"


rule figure2:
    """Figure 2: the search space."""
    output:
        png="results/figures/figure2.png",
        pdf="results/figures/figure2.pdf",
    log:
        "results/logs/figure2.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        space=INVENTORY.datasets[SHOWN].space,
        code=code_of("report/figure2.py"),
    message:
        "Drawing Figure 2"
    script:
        "../workflow/scripts/figure2.py"


rule figure3:
    """Figure 3: the searched routes, one dataset after the other."""
    input:
        routes=SEARCHED_MEASURED,
    output:
        png="results/figures/figure3.png",
        pdf="results/figures/figure3.pdf",
    log:
        "results/logs/figure3.log",
    localrule: True
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
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        code=FIGURE_CODE,
    message:
        "Drawing the curves of the searches"
    script:
        "../workflow/scripts/search_curves.py"


rule figure7:
    """Figure 7: AUC, loss, search and training time over H."""
    input:
        metrics=of_runs(rules.train.output.metrics, SWEEPS["figure7"]),
        records=of_runs(rules.train.output.record, SWEEPS["figure7"]),
        routes=of_runs(rules.search.output.routes, INVENTORY.searches_of(SWEEPS["figure7"])),
    output:
        png="results/figures/figure7.png",
        pdf="results/figures/figure7.pdf",
    log:
        "results/logs/figure7.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, SWEEPS["figure7"]),
        kind="subnets",
        code=SWEEP_CODE,
    message:
        "Drawing Figure 7"
    script:
        "../workflow/scripts/figure7.py"


rule figure7_layers:
    """The same over L (Sec. 5.2)."""
    input:
        metrics=of_runs(rules.train.output.metrics, SWEEPS["figure7_layers"]),
        records=of_runs(rules.train.output.record, SWEEPS["figure7_layers"]),
        routes=of_runs(rules.search.output.routes, INVENTORY.searches_of(SWEEPS["figure7_layers"])),
    output:
        png="results/figures/figure7_layers.png",
        pdf="results/figures/figure7_layers.pdf",
    log:
        "results/logs/figure7_layers.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        runs=of_runs(RUN, SWEEPS["figure7_layers"]),
        kind="depth",
        code=SWEEP_CODE,
    message:
        "Drawing the sweep over L"
    script:
        "../workflow/scripts/figure7.py"
