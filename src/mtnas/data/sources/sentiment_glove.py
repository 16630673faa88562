"""Six sentence classification sets, read through mean GloVe vectors (`mtnas.data.text`)."""

from mtnas.data.sources.base import Field
from mtnas.data.text.sentiment import Sentences

TITLE = "Sentiment (GloVe)"  # what tables and figures call it


class Dataset(Sentences):
    """The mean of the unit vectors of a sentence's words."""

    name = "sentiment_glove"
    title = "Six sentence classification sets, mean GloVe vectors"
    encoder = "glove"
    fields = (Field("text", "sentence", "features", "mean GloVe vector of the known words"),)
