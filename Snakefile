# Reproduction of "Boosting Share Routing for Multi-task Learning" (MTNAS, WWW'21).
#   (download -> unpack, or simulate ->) prepare -> (search ->) (tune ->) train
#     -> tables, figures, report
# Which runs exist is data (config/). How a stage runs is a rule (rules/).
# What a stage computes is library code (src/mtnas/).
# A rule marked `localrule` takes seconds: on a cluster it runs where Snakemake runs.
from os.path import relpath

from snakemake.utils import min_version

min_version("9.27")


# From the folder that Snakemake runs in (`--directory`), which may be another than this one.
configfile: relpath(f"{workflow.current_basedir}/config/config.yaml")


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/slurm.smk"
include: "rules/acquire.smk"
include: "rules/simulate.smk"
include: "rules/data.smk"
include: "rules/search.smk"
include: "rules/tune.smk"
include: "rules/train.smk"
include: "rules/exhaustive.smk"
include: "rules/subsets.smk"
include: "rules/diagnose.smk"
include: "rules/simulated_studies.smk"
include: "rules/exhibits.smk"
include: "rules/claims.smk"
include: "rules/report.smk"
include: "rules/publish.smk"


rule all:
    default_target: True
    input:
        MANIFESTS,  # and routes: Snakemake makes a file that is only between others not again
        of_runs(rules.search.output.routes, LEARNED),
        rules.runs.input,
        expand(rules.table.output, name=TABLES),
        expand(rules.figure.output, name=FIGURES),
        rules.claims.output,
        AUDITS,
        rules.exhaustives.input,
        rules.subsets.input,
        rules.diagnoses.input,
        rules.answer.output,
        rules.report.output,
    message:
        "Everything that the study asks for is there"


onsuccess:
    forget_last_answers()
    if not workflow.dag_settings.targets:
        logger.info(closing_words(), extra={"shown": True})
