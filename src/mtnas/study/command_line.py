"""Tell the words of a Snakemake command line apart, in any order."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_OVERLAY = re.compile(r".*\.ya?ml")
_OVERLAYS = ("--configfile", "--configfiles")
_SETTINGS = ("--config", "-C")
_SETTING = re.compile(r"\w+=.*", re.S)
_CORES = re.compile(r"--(cores|jobs|executor|profile|workflow-profile)(=.*)?|-[cje]\d*")
# Options with which nothing runs, or that ask for Snakemake's own display.
_PLAIN = re.compile(
    r"--(dry-?run|unlock|lint|logger|verbose|summary|detailed-summary|version|cleanup-metadata)"
    r"(=.*)?|-[npqF]*n[npqF]*"
)


@dataclass
class Words:
    """What was given: files of configuration, what to make, and options with their values."""

    overlays: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def arguments(self) -> list[str]:
        """Return them in an order in which Snakemake takes no target for a file."""
        files = ["--configfile", *self.overlays] if self.overlays else []
        return [*self.targets, *self.options, *files]


def sorted_out(words: Sequence[str]) -> Words:
    """Tell overlays (`.yaml`), targets and options apart.

    A word behind an option is its value, but for overlays. Behind `--config`, just what is
    `key=value` is a value, whatever it ends in. So a target that is to be known as one stands
    first, behind an overlay, or behind `--`; others are left where they are, for Snakemake to
    judge.
    """
    found, option = Words(), ""
    for word in _split(words):
        if word == "--" or word in _OVERLAYS:
            option = ""
        elif word.startswith("-"):
            option = word
            found.options.append(word)
        elif option in _SETTINGS and _SETTING.fullmatch(word):
            found.options.append(word)
        elif _OVERLAY.fullmatch(word):
            found.overlays.append(word)
            option = ""
        elif option and option not in _SETTINGS:
            found.options.append(word)
        else:
            found.targets.append(word)
    return found


def _split(words: Sequence[str]) -> Iterator[str]:
    """Yield words; `--configfile=FILE` as two."""
    for word in words:
        option, equals, value = word.partition("=")
        yield from (option, value) if equals and option in _OVERLAYS else (word,)


def says_cores(options: Sequence[str]) -> bool:
    """Whether options tell where and on how many cores jobs run."""
    return any(_CORES.fullmatch(option) for option in options)


def is_plain(options: Sequence[str]) -> bool:
    """Whether Snakemake itself should say what it does."""
    return any(_PLAIN.fullmatch(option) for option in options)


def sets_keys(options: Sequence[str]) -> bool:
    """Whether options change keys of the configuration, or where results lie."""
    return any(option.partition("=")[0] in (*_SETTINGS, "--directory", "-d") for option in options)
