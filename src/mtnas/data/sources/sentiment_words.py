"""Six sentence classification sets as bags of words, whose embeddings are learned."""

from mtnas.data.sources.base import Field
from mtnas.data.text.sentiment import Sentences

TITLE = "Sentiment (words)"  # what tables and figures call it


class Dataset(Sentences):
    """The words of a sentence; a model reads the mean of their embeddings."""

    name = "sentiment_words"
    title = "Six sentence classification sets, bags of words"
    fields = (Field("words", "sentence", "list", "the words of the sentence, in lower case"),)
