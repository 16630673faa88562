# Reproduction of "Boosting Share Routing for Multi-task Learning" (MTNAS, WWW'21).
#   prepare -> (search ->) train -> tables, figures, report
# Which runs exist is data (config/). How a stage runs is a rule (rules/).
# What a stage computes is library code (src/mtnas/).
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/search.smk"
include: "rules/train.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/publish.smk"


# Seconds each: on a cluster these run where Snakemake runs.
localrules:
    all,
    runs,
    table1,
    table2,
    table4,
    figure3,
    search_curves,
    report,
    publish,


rule all:
    default_target: True
    input:
        rules.runs.input,
        rules.table1.output,
        rules.table2.output,
        rules.table4.output,
        FIGURES,
        rules.report.output,
