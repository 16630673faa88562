"""Files of sentences: a line is a label, a blank and a sentence.

What such files do not say is their encoding. Their bytes do, nearly: what is UTF-8 from its first
byte to its last is not so by chance; anything else is read as cp1252, in which every byte but five
is a character.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from mtnas.data.safeguards import Lines

_FALLBACK = "cp1252"
_NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"
_FIX = "get the file again, as it was published"


def read(
    path: Path, labels: Collection[str], dropped: Counter[str], replaced: Counter[str]
) -> Iterator[tuple[str, str]]:
    """Yield label and sentence of every sound line: in lower case, one blank between words.

    Args:
        path: the file.
        labels: those that there are.
        dropped: is told how many lines were left out, by reason.
        replaced: is told how many bytes were no character, each of which becomes U+FFFD.

    Raises:
        DataError: most lines cannot be read.
    """
    text, strange = decoded(path.read_bytes())
    if strange:
        replaced[f"{path.name}: bytes that are no character"] += strange
    lines = Lines(path, dropped, _FIX)
    for line in text.removesuffix("\n").split("\n"):
        label, _, rest = line.partition(" ")
        sentence = " ".join(rest.lower().split())
        if fault := _fault(label, sentence, labels):
            lines.add(fault, line[:200])
        else:
            lines.read += 1
            yield label, sentence
    lines.end()


def decoded(content: bytes) -> tuple[str, int]:
    """Return the text of a file, and how many of its bytes are no character."""
    try:
        return content.decode("utf-8"), 0
    except UnicodeDecodeError:
        text = content.decode(_FALLBACK, "replace")
    return text, text.count(_NO_CHARACTER)  # cp1252 itself does not have this one


def _fault(label: str, sentence: str, labels: Collection[str]) -> str | None:
    """Say what is wrong with a line; None if nothing is."""
    if label not in labels:
        return "no label" if not label.isascii() or not label.isdecimal() else "unknown label"
    return None if sentence else "no sentence"
