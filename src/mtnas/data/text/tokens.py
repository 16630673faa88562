"""What an encoder found in texts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenCounts:
    """How many tokens and different words there were, and how many of each it does not know."""

    tokens: int
    unknown_tokens: int
    distinct_words: int
    unknown_words: int
    texts_without: int  # a token that is known: their features are 0
