"""Make features of the texts of one dataset, with an encoder that an installed package holds."""

from pathlib import Path

from mtnas.data import sources
from mtnas.data.fetch.acquire import admit
from mtnas.data.text.encode import write
from mtnas.runtime.job import job

with job(snakemake) as smk:
    dataset = sources.load(smk.wildcards.dataset)
    if smk.input.raw:  # fetched, not in a folder of the user's
        admit(smk.input.raw, dataset.downloads, dataset=dataset.name)
    raw = smk.params.raw
    write(dataset, None if raw is None else Path(raw), Path(smk.output[0]))
