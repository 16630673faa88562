"""Where the raw files of a study are: in a folder that the config names, else in results/raw.

Files in a folder of the user's are used as they are. The workflow downloads those in results/raw,
checks them and remembers their checksums (`mtnas.data.fetch`); it writes those in results/simulated
itself.
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
from mtnas.study.paths import ENCODED

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


def encoded_files(study: Study, dataset: str) -> list[str]:
    """Name the file with the features of a dataset's texts, if an encoder makes such."""
    if dataset in study.synthetic or sources.load(dataset).encoder is None:
        return []
    return [ENCODED.format(dataset=dataset)]


def raw_digests(study: Study, dataset: str) -> dict[str, str]:
    """Return the SHA-256 of the files in a folder of the user's, by name, wherever the folder is.

    None of files in results/raw: they are inputs of a job, which Snakemake watches itself.
    """
    fetched = _is_fetched(study, dataset)
    return {} if fetched else digests(raw_files(study, dataset), DIGESTS)


def archive(study: Study, dataset: str, file: str) -> Path:
    """Return the archive that contains a raw file."""
    return Path(RAW.format(dataset=dataset), sources.load(dataset).download(file).file)


def every_download() -> Iterator[Download]:
    """Yield all files that can be downloaded, of all datasets; one of a YAML file has none."""
    for name in plugins.names("data.sources"):
        if name not in plugins.declared():
            items = sources.load(name).downloads
            yield from (item for item in items if not isinstance(item, Packaged))


def _is_fetched(study: Study, dataset: str) -> bool:
    """Whether the workflow downloads the raw files of a dataset."""
    if dataset in study.synthetic:
        return False
    elsewhere = study.raw(dataset) is not None or study.is_simulated(dataset)
    return not elsewhere and bool(sources.load(dataset).downloads)


def _check_can_be_had(dataset: str, folder: Path, item: Download) -> None:
    """Refuse a missing file that can neither be downloaded nor be unpacked."""
    there = all((folder / name).is_file() for name in item.files)
    if not (item.can_be_had or there or (folder / item.file).is_file()):
        raise DataError(place_by_hand(folder / item.file, dataset, item.by_hand))
