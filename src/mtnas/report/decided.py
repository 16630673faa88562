"""How decided a search is: what is left of the entropy of a blind choice, in numbers and in words.

A share is between 0 and 1. In a blind choice every local route is as likely as any other.
"""

from collections.abc import Iterable

from mtnas.evidence.search_record import Block

UNDECIDED, DECIDED = 0.9, 0.5
MEANING = "100%: every local route is as likely as any other"


def verdict(share: float) -> str:
    """Say in words what a share of the entropy of a blind choice means."""
    if share >= UNDECIDED:
        return "has not decided"
    return "has decided" if share <= DECIDED else "has decided in part"


def entropy_left(blocks: Iterable[Block]) -> float | None:
    """Return the entropy of all choices over that of blind ones; None if nothing was recorded."""
    known = [(b.entropy, b.uniform_entropy) for b in blocks if b.entropy is not None]
    pairs = [(entropy, uniform) for entropy, uniform in known if uniform]
    if not pairs:
        return None
    return sum(entropy for entropy, _ in pairs) / sum(uniform for _, uniform in pairs)


def decision(blocks: Iterable[Block]) -> str:
    """Say how decided a search is; nothing if it did not record that."""
    share = entropy_left(blocks)
    if share is None:
        return ""
    left = f"{share:.0%} of the entropy of blind choice is left"
    return f"The search {verdict(share)}: {left} ({MEANING})."
