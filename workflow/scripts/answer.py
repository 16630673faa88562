"""Write the answer of the study in sentences, and what lies beside its results."""

from mtnas.report.answer.build import write
from mtnas.report.answer.contents import write_contents
from mtnas.report.exhibits.base import Needs
from mtnas.runtime.job import job

with job(snakemake) as smk:
    beside = write_contents(smk.output.contents, smk.params.belongs)
    write(
        Needs(**smk.params.needs),
        smk.input.claims,
        json=smk.output.json,
        md=smk.output.md,
        beside=beside,
    )
