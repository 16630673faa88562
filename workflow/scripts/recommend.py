"""Say which tasks of a dataset should share a model."""

from mtnas.evidence.diagnosis.diagnosis import write_diagnosis
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_diagnosis(
        smk.output.json,
        smk.output.md,
        measures=smk.params.folder.format(**smk.wildcards),
        subsets=smk.params.subsets,
    )
