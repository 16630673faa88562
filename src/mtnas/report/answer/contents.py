"""What lies among the results: what belongs to this study, and what another one left there."""

from collections.abc import Iterable
from pathlib import Path

from mtnas.runtime.files import sealed, write_json

ASIDE = "results/aside"
TO_READ = ("tables/*.md", "figures/*.png")  # each with files of its name beside it
ANSWERS = ("results/answer.json", "results/answer.md", "results/report.html")
KEPT = ("results/data/*", "results/runs/*/*/*", "results/routes/*/*/*")  # no results to read


def write_contents(path: str | Path, belongs: Iterable[str]) -> list[str]:
    """Write what belongs to the study and what is of another one; return what a reader may confuse.

    Tables and figures of another study are moved to `results/aside`; asked for again, they are made
    again. Runs stay: what was measured once is not measured again.
    """
    own = {Path(name).as_posix() for name in belongs}
    for pattern in TO_READ:
        for shown in sorted(Path("results").glob(pattern)):
            if shown.as_posix() not in own:
                _set_aside(shown)
            else:
                _clear(shown)
    read = [f"{ASIDE}/{pattern}" for pattern in TO_READ] + ["results/diagnosis/*"]
    beside, kept = (
        [name for name in _found(patterns) if name not in own] for patterns in (read, KEPT)
    )
    write_json(path, sealed({"belongs": sorted(own), "of_another_study": [*beside, *kept]}))
    return beside


def set_answers_aside(made_again: Iterable[str]) -> bool:
    """Move the last answers of which a run has to make new ones; return whether there were any.

    A run that fails, or is stopped, then leaves no answer of another study as if it were its own.
    """
    names = {*made_again}
    last = [path for path in map(Path, ANSWERS) if str(path) in names and path.is_file()]
    for path in last:
        Path(ASIDE).mkdir(parents=True, exist_ok=True)
        path.replace(Path(ASIDE, path.name))
    return bool(last)


def forget_last_answers() -> None:
    """Take away what was set aside of answers that are there again."""
    for path in filter(Path.is_file, map(Path, ANSWERS)):
        Path(ASIDE, path.name).unlink(missing_ok=True)


def _found(patterns: Iterable[str]) -> list[str]:
    return [place.as_posix() for pattern in patterns for place in sorted(Path().glob(pattern))]


def _files(shown: Path, folder: Path) -> list[Path]:
    """Return the files of a table or figure in a folder: its name with every ending."""
    return [file for file in sorted(folder.glob("*")) if file.name.split(".")[0] == shown.stem]


def _set_aside(shown: Path) -> None:
    """Move a table or figure, whatever was there before it."""
    folder = Path(ASIDE, shown.parent.name)
    folder.mkdir(parents=True, exist_ok=True)
    for file in _files(shown, shown.parent):
        file.replace(folder / file.name)


def _clear(shown: Path) -> None:
    """Take away what was once set aside of a table or figure that is asked for again."""
    for file in _files(shown, Path(ASIDE, shown.parent.name)):
        file.unlink()
