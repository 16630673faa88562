# Reproduction of "Boosting Share Routing for Multi-task Learning" (MTNAS, WWW'21).
#   (download -> unpack, or simulate ->) prepare -> (search ->) (tune ->) train
#     -> tables, figures, report
# Which runs exist is data (config/). How a stage runs is a rule (rules/).
# What a stage computes is library code (src/mtnas/).
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/acquire.smk"
include: "rules/simulate.smk"
include: "rules/data.smk"
include: "rules/search.smk"
include: "rules/tune.smk"
include: "rules/train.smk"
include: "rules/tables.smk"
include: "rules/synthetic.smk"
include: "rules/figures.smk"
include: "rules/exhaustive.smk"
include: "rules/claims.smk"
include: "rules/report.smk"
include: "rules/publish.smk"


# Seconds each: on a cluster these run where Snakemake runs.
localrules:
    all,
    download,
    unpack,
    runs,
    audit,
    exhaustives,
    exhaustive_table,
    regret,
    exhaustive_figure,
    table1,
    table2,
    table3,
    table4,
    table5,
    why_single,
    figure1,
    figure2,
    figure3,
    figure4,
    figure5,
    figure6,
    figure7,
    figure7_layers,
    search_curves,
    subgraphs,
    claims,
    report,
    publish,
    rebuild,


rule all:
    default_target: True
    input:
        rules.runs.input,
        [list(table_files(name).values()) for name in TABLES],
        rules.claims.output,
        AUDITS,
        FIGURES,
        rules.exhaustives.input,
        rules.report.output,
