"""Six sentence classification sets as bags of words, whose embeddings begin as GloVe vectors."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from mtnas.data.sources.base import Field
from mtnas.data.text.sentiment import Sentences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TITLE = "Sentiment (GloVe, tuned)"  # what tables and figures call it


class Dataset(Sentences):
    """The words of a sentence; their embeddings are learned on from the vectors of GloVe."""

    name = "sentiment_tuned"
    title = "Six sentence classification sets, bags of words that begin as GloVe vectors"
    encoder = "glove"
    fields = (Field("words", "sentence", "list", "the words of the sentence, in lower case"),)

    def texts(self, raw: Path | None) -> Iterator[str]:
        """Yield every word once: those are what is encoded, not sentences."""
        found = {word for text in super().texts(raw) for word in text.split()}
        return iter(sorted(found))

    def initial(self, raw: Path | None) -> "dict[str, tuple[pa.Array, NDArray[np.float32]]]":
        """Return the words that have a vector, and their vectors, of length 1."""
        vectors = self.features(raw)
        known = vectors.any(axis=1)
        return {"words": (pa.array(self.texts(raw)).filter(pa.array(known)), vectors[known])}
