"""Tables and figures: each is a file of src/mtnas/report/exhibits, which says what it is made from.

requires: what the exhibit names: runs, routes, manifests, diagnoses, tables of every route,
          results/claims/subgraphs.json, config/paper/results.yaml
provides: results/tables/{name}.{md,tex,csv,cells.csv,html}: the table, and the ledger of its cells
          results/figures/{name}.{png,pdf,csv}: the figure, and the data that it shows
          EXHIBITS, what this study has of both, by name; TABLES and FIGURES;
          SHARING, those of either kind that show which tasks should share
"""

EXHIBITS = exhibits.planned(PLAN)
TABLES = [name for name, exhibit in EXHIBITS.items() if exhibit.kind == "table"]
FIGURES = [name for name, exhibit in EXHIBITS.items() if exhibit.kind == "figure"]
SHARING = [name for name, exhibit in EXHIBITS.items() if exhibit.needs.diagnoses]


rule table:
    """One table of the study."""
    input:
        made_from("table"),
    output:
        **reported(table_files("{name}"), "html", "Tables"),
    log:
        "results/logs/table/{name}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        exhibit=lambda wildcards: EXHIBITS[wildcards.name].file,
        needs=lambda wildcards: asdict(EXHIBITS[wildcards.name].needs),
        code=lambda wildcards: EXHIBITS[wildcards.name].code,
        caption=caption_of,
    message:
        "Writing {wildcards.name}"
    script:
        "../workflow/scripts/exhibit.py"


rule figure:
    """One figure of the study."""
    input:
        made_from("figure"),
    output:
        **reported(figure_files("{name}"), "png", "Figures"),
    log:
        "results/logs/figure/{name}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        exhibit=lambda wildcards: EXHIBITS[wildcards.name].file,
        needs=lambda wildcards: asdict(EXHIBITS[wildcards.name].needs),
        code=lambda wildcards: EXHIBITS[wildcards.name].code,
        caption=caption_of,
    message:
        "Drawing {wildcards.name}"
    script:
        "../workflow/scripts/exhibit.py"
