"""Where the raw files of a study are: in a folder that the config names, else in results/raw.

What is in a folder of the user's is used as it is. What is in results/raw is fetched, checked and
pinned by the workflow (`mtnas.data.fetch`); what is in results/simulated, it writes itself.
Nothing here imports torch or goes online.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtnas.config.resolve import is_simulated
from mtnas.config.study import Config
from mtnas.data import sources
from mtnas.data.fetch.advice import place_by_hand
from mtnas.data.fetch.digests import digests
from mtnas.data.sources.base import Download
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, DataError, unknown

RAW = "results/raw/{dataset}"
SIMULATED = "results/simulated/{dataset}"
DIGESTS = Path("results/.digests.json")


def raw_folder(config: Config, dataset: str) -> Path | None:
    """Return the folder of raw files, None for an embedded dataset."""
    if is_simulated(config, dataset):
        return Path(SIMULATED.format(dataset=dataset))
    if _is_fetched(config, dataset):
        return Path(RAW.format(dataset=dataset))
    named: str | None = config["dataset_options"].get(dataset, {}).get("raw")
    return Path(named) if named else None


def raw_files(config: Config, dataset: str) -> list[Path]:
    """List the raw files of a dataset, none if it is embedded or simulated.

    Raises:
        DataError: one is missing and no job can fetch it.
    """
    if is_simulated(config, dataset) or dataset in config["synthetic"]:
        return []
    source, folder = sources.load(dataset), raw_folder(config, dataset)
    if folder is None or not _is_fetched(config, dataset):
        return source.sources(folder) if folder or source.needs_raw else []
    items = downloads(config, dataset)
    for item in items:
        _check_can_be_had(dataset, folder, item)
    return [folder / name for item in items for name in item.files]


def fetched_files(config: Config, dataset: str) -> list[Path]:
    """List the raw files that the workflow fetches: the inputs of the job that reads them."""
    return raw_files(config, dataset) if _is_fetched(config, dataset) else []


def raw_digests(config: Config, dataset: str) -> dict[str, str]:
    """Return what identifies the files of a folder of the user's, wherever it is.

    Files in results/raw are inputs of a job, which Snakemake compares itself.
    """
    fetched = _is_fetched(config, dataset)
    return {} if fetched else digests(raw_files(config, dataset), DIGESTS)


def downloads(config: Config, dataset: str) -> list[Download]:
    """List what a dataset offers for download, the config's mirrors before its own."""
    mirrors = config["dataset_options"].get(dataset, {}).get("mirrors", ())
    return [
        replace(item, urls=(*(f"{base.rstrip('/')}/{item.file}" for base in mirrors), *item.urls))
        for item in sources.load(dataset).downloads
    ]


def download_spec(config: Config, dataset: str, file: str) -> dict[str, Any]:
    """Return how to get one file: its addresses in order, and what a person can do."""
    item = _download(config, dataset, file)
    return {"urls": list(item.urls), "by_hand": item.by_hand}


def archive(config: Config, dataset: str, file: str) -> Path:
    """Return the archive that a raw file is a member of."""
    return Path(RAW.format(dataset=dataset), _download(config, dataset, file).file)


def every_download() -> Iterator[Download]:
    """Yield what all datasets offer for download; one of a YAML file offers nothing."""
    for name in plugins.names("data.sources"):
        if name not in plugins.declared():
            yield from sources.load(name).downloads


def _download(config: Config, dataset: str, file: str) -> Download:
    """Return the download of a file, or of the archive that it is a member of."""
    known = {name: item for item in downloads(config, dataset) for name in (item.file, *item.files)}
    if file not in known:
        where = f"{RAW.format(dataset=dataset)}/{file}"
        raise ConfigError(unknown(f"raw file of {dataset}", file, known, where))
    return known[file]


def _is_fetched(config: Config, dataset: str) -> bool:
    """Whether the workflow has to get the raw files itself."""
    if dataset in config["synthetic"]:
        return False
    named = config["dataset_options"].get(dataset, {}).get("raw")
    elsewhere = named is not None or is_simulated(config, dataset)
    return not elsewhere and bool(sources.load(dataset).downloads)


def _check_can_be_had(dataset: str, folder: Path, item: Download) -> None:
    """Refuse a missing file that has no address and is in no archive that is there."""
    there = all((folder / name).is_file() for name in item.files)
    if not (item.urls or there or (folder / item.file).is_file()):
        raise DataError(place_by_hand(folder / item.file, dataset, item.by_hand))
