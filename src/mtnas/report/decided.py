"""How decided a search is: what is left of the entropy of a blind choice, in numbers and in words.

A share is between 0 and 1. In a blind choice every local route is as likely as any other.
"""

from collections.abc import Iterable
from typing import Protocol

UNDECIDED, DECIDED = 0.9, 0.5
MEANING = "100%: every local route is as likely as any other"


class Chosen(Protocol):
    """What a search recorded of a block: the entropies (nats) of its choice and of a blind one."""

    @property
    def entropy(self) -> float | None:
        """Return that of the choice, if the search has one."""

    @property
    def uniform_entropy(self) -> float | None:
        """Return that of a choice without preference, if the search has one."""


def verdict(share: float) -> str:
    """Say in words what a share of the entropy of a blind choice means."""
    if share >= UNDECIDED:
        return "has not decided"
    return "has decided" if share <= DECIDED else "has decided in part"


def entropy_left(blocks: Iterable[Chosen]) -> float | None:
    """Return the entropy of all choices over that of blind ones; None if nothing was recorded."""
    known = [(b.entropy, b.uniform_entropy) for b in blocks if b.entropy is not None]
    pairs = [(entropy, uniform) for entropy, uniform in known if uniform]
    if not pairs:
        return None
    return sum(entropy for entropy, _ in pairs) / sum(uniform for _, uniform in pairs)


def decision(blocks: Iterable[Chosen]) -> str:
    """Say how decided a search is; nothing if it did not record that."""
    share = entropy_left(blocks)
    if share is None:
        return ""
    left = f"{share:.0%} of the entropy of blind choice is left"
    return f"The search {verdict(share)}: {left} ({MEANING})."
