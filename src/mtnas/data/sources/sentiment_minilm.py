"""Six sentence classification sets, read through MiniLM sentence vectors (`mtnas.data.text`)."""

from mtnas.data.sources.base import Field
from mtnas.data.text.sentiment import Sentences

TITLE = "Sentiment (MiniLM)"  # what tables and figures call it


class Dataset(Sentences):
    """The vector that a pretrained transformer gives a sentence."""

    name = "sentiment_minilm"
    title = "Six sentence classification sets, MiniLM sentence vectors"
    encoder = "minilm"
    fields = (Field("text", "sentence", "features", "MiniLM vector of the sentence"),)
