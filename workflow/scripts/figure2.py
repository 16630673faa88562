"""Draw Figure 2 from the search space of the study."""

from mtnas.report.figure2 import figure2
from mtnas.runtime.job import job

with job(snakemake) as smk:
    figure2(smk.params.space, smk.output)
