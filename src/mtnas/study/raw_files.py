"""Where the raw files of a study are: in a folder that the config names, else in results/raw.

What is in a folder of the user's is used as it is. What is in results/raw is fetched, checked and
pinned by the workflow (`mtnas.data.fetch`); what is in results/simulated, it writes itself.
Nothing here imports torch or goes online.
"""

from collections.abc import Iterator
from pathlib import Path

from mtnas.config.study import Study
from mtnas.data import sources
from mtnas.data.fetch.advice import place_by_hand
from mtnas.data.fetch.digests import digests
from mtnas.data.sources.base import Download, Packaged
from mtnas.runtime import plugins
from mtnas.runtime.errors import DataError

RAW = "results/raw/{dataset}"
SIMULATED = "results/simulated/{dataset}"
DIGESTS = Path("results/.digests.json")


def raw_folder(study: Study, dataset: str) -> Path | None:
    """Return the folder of raw files; None: they lie where the dataset says."""
    if study.is_simulated(dataset):
        return Path(SIMULATED.format(dataset=dataset))
    if _is_fetched(study, dataset):
        return Path(RAW.format(dataset=dataset))
    named = study.raw(dataset)
    return Path(named) if named else None


def raw_files(study: Study, dataset: str) -> list[Path]:
    """List the raw files of a dataset, none if it is simulated or drawn.

    Raises:
        DataError: one is missing and no job can fetch it.
    """
    if study.is_simulated(dataset) or dataset in study.synthetic:
        return []
    source, folder = sources.load(dataset), raw_folder(study, dataset)
    if folder is None or not _is_fetched(study, dataset):
        return source.sources(folder) if folder or source.needs_raw else []
    items = source.downloads
    for item in items:
        _check_can_be_had(dataset, folder, item)
    return [folder / name for item in items for name in item.files]


def fetched_files(study: Study, dataset: str) -> list[Path]:
    """List the raw files that the workflow fetches: the inputs of the job that reads them."""
    return raw_files(study, dataset) if _is_fetched(study, dataset) else []


def raw_digests(study: Study, dataset: str) -> dict[str, str]:
    """Return what identifies the files of a folder of the user's, wherever it is.

    Files in results/raw are inputs of a job, which Snakemake compares itself.
    """
    fetched = _is_fetched(study, dataset)
    return {} if fetched else digests(raw_files(study, dataset), DIGESTS)


def archive(study: Study, dataset: str, file: str) -> Path:
    """Return the archive that a raw file is a member of."""
    return Path(RAW.format(dataset=dataset), sources.load(dataset).download(file).file)


def every_download() -> Iterator[Download]:
    """Yield what all datasets offer for download; one of a YAML file offers nothing."""
    for name in plugins.names("data.sources"):
        if name not in plugins.declared():
            items = sources.load(name).downloads
            yield from (item for item in items if not isinstance(item, Packaged))


def _is_fetched(study: Study, dataset: str) -> bool:
    """Whether the workflow has to get the raw files itself."""
    if dataset in study.synthetic:
        return False
    elsewhere = study.raw(dataset) is not None or study.is_simulated(dataset)
    return not elsewhere and bool(sources.load(dataset).downloads)


def _check_can_be_had(dataset: str, folder: Path, item: Download) -> None:
    """Refuse a missing file that has no address and is in no archive that is there."""
    there = all((folder / name).is_file() for name in item.files)
    if not (item.can_be_had or there or (folder / item.file).is_file()):
        raise DataError(place_by_hand(folder / item.file, dataset, item.by_hand))
