"""Make one table or figure from the files that it names."""

from mtnas.report import exhibits
from mtnas.report.exhibits.base import Needs
from mtnas.runtime.job import job

with job(snakemake) as smk:
    exhibits.load(smk.params.exhibit).write(Needs(**smk.params.needs), **smk.output)
