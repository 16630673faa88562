"""WordPiece tokens, as the uncased BERT models were trained on (Devlin et al., NAACL 2019)."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_LONGEST = 100  # characters of a word that is looked up at all
_UNKNOWN, _START, _END = "[UNK]", "[CLS]", "[SEP]"
# Chinese characters, which are words of their own; the blocks are those of the original.
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """Cuts texts into the longest pieces that a vocabulary has, word by word."""

    def __init__(self, vocabulary: Path, max_length: int) -> None:
        """Read the vocabulary, a piece a line; no text has more tokens than `max_length`."""
        pieces = vocabulary.read_text(encoding="utf-8").split("\n")
        self._number: Mapping[str, int] = {piece: n for n, piece in enumerate(pieces) if piece}
        self._max_length = max_length
        self.unknown = self._number[_UNKNOWN]

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of the tokens of a text, with those that begin and end it."""
        tokens = [self._number[p] for word in words(text) for p in self.pieces(word)]
        return [
            self._number[_START],
            *tokens[: self._max_length - 2],
            self._number[_END],
        ]

    def is_unknown(self, word: str) -> bool:
        """Whether a word is in no way made of known pieces."""
        return self.pieces(word) == [_UNKNOWN]

    def pieces(self, word: str) -> list[str]:
        """Return the pieces of a word; one that is not the first begins with ##."""
        found: list[str] = []
        start = 0
        while start < len(word) <= _LONGEST:
            mark = "##" * bool(start)
            ends = range(len(word), start, -1)
            end = next((e for e in ends if mark + word[start:e] in self._number), None)
            if end is None:
                return [_UNKNOWN]
            found.append(mark + word[start:end])
            start = end
        return found or [_UNKNOWN]


def words(text: str) -> list[str]:
    """Return the words of a text: lower case, without accents, each sign a word of its own."""
    plain = unicodedata.normalize("NFD", "".join(_cleaned(text)).lower())
    letters = (sign for sign in plain if unicodedata.category(sign) != "Mn")
    return "".join(_apart(letters)).split()


def _cleaned(text: str) -> Iterator[str]:
    """Yield the characters of a text: no control characters, any blank as a blank."""
    for sign in text:
        if sign in "\t\n\r" or unicodedata.category(sign) == "Zs":
            yield " "
        elif sign not in "\0\N{REPLACEMENT CHARACTER}" and unicodedata.category(sign)[0] != "C":
            yield f" {sign} " if _is_ideograph(sign) else sign


def _apart(letters: Iterable[str]) -> Iterator[str]:
    """Yield characters with blanks around every sign."""
    for sign in letters:
        yield f" {sign} " if _is_sign(sign) else sign


def _is_sign(letter: str) -> bool:
    """Whether a character is punctuation; so are all signs of ASCII, such as $."""
    visible = letter.isascii() and letter.isprintable() and not letter.isspace()
    return (visible and not letter.isalnum()) or unicodedata.category(letter)[0] == "P"


def _is_ideograph(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in _IDEOGRAPHS)
