"""The claims of Wu, Zhang, Ré (ICLR 2020) about transfer between tasks, as data."""

from mtnas.evidence.claims import aligned, planted, subsets
from mtnas.evidence.claims.paired import Test
from mtnas.evidence.claims.paper import Claim

SOURCE = "Wu, Zhang, Ré"


def _claim(identity: str, words: str, section: str, test: Test, overlay: str) -> Claim:
    return Claim(
        identity, words, section, test, overlays=(f"config/{overlay}.yaml",), alone=True,
        source=SOURCE,
    )  # fmt: skip


CLAIMS = (
    _claim(
        "B1",
        "Of two sources with one model, one harms the target and the other does not: data decide",
        "blog, Fig. 3",
        planted.same_model,
        "transfer",
    ),
    _claim(
        "B2",
        "Tasks together need less capacity than the sum of what they need alone",
        "Sec. 2.2 and 3.3, Fig. 6",
        subsets.smaller_capacity,
        "text",
    ),
    _claim(
        "B3",
        "Aligning tasks improves most pairs (13 of 15), by more than parameters do",
        "Sec. 3.2, Fig. 7",
        aligned.aligned_pairs,
        "text",
    ),
    _claim(
        "B4",
        "Weighing tasks by the SVD of their labels helps where labels of one are noisy",
        "Sec. 2.4 and 3.3",
        subsets.noisy_weights,
        "reweighting",
    ),
    _claim(
        "B5",
        "With as much capacity as tasks nothing is transferred (linear model)",
        "Proposition 1",
        planted.no_transfer,
        "transfer",
    ),
    _claim(
        "B6",
        "Part of what sentence tasks gain together is test sentences that the others train on",
        "ours, on Fig. 6",
        subsets.leakage,
        "text",
    ),
)
