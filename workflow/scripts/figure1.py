"""Draw Figure 1 from the methods of the study and the runs of MMoE and the cut MMoE."""

from mtnas.report.figure1 import figure1
from mtnas.runtime.job import job

with job(snakemake) as smk:
    figure1(smk.params.runs, smk.input.subgraphs, smk.output)
