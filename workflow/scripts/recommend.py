"""Say which tasks of a dataset should share a model."""

from pathlib import Path

from mtnas.evidence.diagnosis.diagnosis import write_diagnosis
from mtnas.runtime.job import job

with job(snakemake) as smk:
    write_diagnosis(
        smk.output.json,
        smk.output.md,
        measures=Path(smk.input.measures[0]).parent,
        subsets=smk.params.subsets,
    )
