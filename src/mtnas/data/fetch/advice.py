"""What a person can do where the workflow cannot get a raw file."""

from pathlib import Path


def place_by_hand(target: Path, dataset: str, by_hand: str, reasons: str = "") -> str:
    """Say that a file is missing, why no mirror has it, and exactly where it belongs."""
    target = target.absolute()
    tried = f"no mirror has it:\n{reasons}\nRun the same command again when you are online, or"
    return (
        f"{target}: {target.name} of dataset {dataset!r} is missing, "
        f"{tried if reasons else 'and nobody offers it for download;'} place it by hand in "
        f"{target.parent}, or have the raw files in a folder {named(dataset)}. {by_hand}".rstrip()
    )


def named(dataset: str) -> str:
    """Say how the config names a folder of raw files."""
    return f"that the config names as `dataset_options.{dataset}.raw: FOLDER`"
