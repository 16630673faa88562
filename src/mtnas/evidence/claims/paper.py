"""What the paper claims, as data: its words in short, where they stand, how they are tested."""

from dataclasses import dataclass
from functools import partial

from mtnas.evidence.claims import paired as scores
from mtnas.evidence.claims import ratios, sharing, sweeps
from mtnas.evidence.claims.paired import Test
from mtnas.evidence.pairing import MTNAS, SINGLE

COMPARED = (("share_bottom", "paper"), ("mmoe", "paper"), ("ml_mmoe", "paper"))
SHARE_BOTTOM, MMOE, _ = COMPARED
MTNAS_PAPER = "MTNAS"  # the source of a claim: who says so


@dataclass(frozen=True)
class Claim:
    """One claim, and whose; `overlays` make what it needs, on top of a study or `alone`."""

    id: str
    words: str
    section: str
    test: Test
    overlays: tuple[str, ...] = ("config/all_claims.yaml",)
    settings: str = ""
    alone: bool = False
    source: str = MTNAS_PAPER

    def command(self, study: str) -> str:
        """Return the command of a study with what the claim needs behind its own overlays."""
        head, _, settings = study.partition(" --config ")
        words = head.split()
        if self.alone:
            words, settings = words[: words.index("--cores") + 2], ""
        words += ["--configfile"] * ("--configfile" not in words)
        words += [overlay for overlay in self.overlays if overlay not in words]
        values = [settings] * bool(settings) + [self.settings] * (self.settings not in settings)
        return " ".join([*words, *["--config"] * bool(values), *values])


CLAIMS = (
    Claim(
        "C1",
        "MTNAS has the highest AUC on every task of every dataset",
        "Sec. 4.3, Tables 2 and 3",
        partial(scores.paired, ours=MTNAS, others=(SINGLE, *COMPARED), scores=["auc"]),
    ),
    Claim(
        "C2",
        "MTNAS has the lowest MTL loss on every dataset",
        "Sec. 4.3, Tables 2 and 3",
        partial(scores.paired, ours=MTNAS, others=COMPARED, scores=["mtl_loss"]),
    ),
    Claim(
        "C3",
        "Compared multi-task methods fall below Single (negative transfer), MTNAS never does",
        "Sec. 4.3, Tables 2 and 3, gray",
        partial(scores.negative_transfer, compared=COMPARED),
    ),
    Claim(
        "C4",
        "All searched routes are sparse (compared to full sharing)",
        "Sec. 4.3, Fig. 3",
        sharing.sparsity,
    ),
    Claim(
        "C5",
        "Tasks with a higher label correlation share more of their route",
        "Sec. 4.3, Fig. 3c and Table 4",
        sharing.relatedness,
        overlays=("config/paper.yaml",),
        settings="bookcrossing_raw=FOLDER tiktok_raw=FOLDER goodreads_raw=FOLDER",
        alone=True,
    ),
    Claim(
        "C6",
        "MMoE with some links cut off beats MMoE on Book-Crossing (20 runs)",
        "Sec. 1, Fig. 1e",
        partial(
            scores.paired,
            ours=("cut_mmoe", "paper"),
            others=(MMOE,),
            scores=["auc", "mtl_loss"],
            datasets=["bookcrossing"],
        ),
        overlays=("config/bookcrossing.yaml", "config/figure1.yaml"),
        settings="bookcrossing_raw=FOLDER",
    ),
    Claim(
        "C7",
        "Some gate scores of MMoE are very low, but they do not equal zero",
        "Sec. 1 and 5.1, Fig. 1d and 6",
        sharing.gate_scores,
    ),
    Claim(
        "C8",
        "Gates beat mean pooling",
        "Sec. 4.3, Table 5",
        partial(
            scores.paired, ours=MTNAS, others=(("mtnas", "mean_pooling"),), scores=["mtl_loss"]
        ),
    ),
    Claim(
        "C9",
        "Searching the query beats the root as every query",
        "Sec. 4.3, Table 5",
        partial(
            scores.paired,
            ours=MTNAS,
            others=(("mtnas", "no_query_selection"),),
            scores=["mtl_loss"],
        ),
    ),
    Claim(
        "C10",
        "On unrelated tasks MTNAS has a lower loss than MMoE and Share-Bottom of equal size",
        "Sec. 5.1, Fig. 4",
        partial(ratios.unrelated_tasks, others=(SHARE_BOTTOM, MMOE)),
        overlays=("config/synthetic.yaml",),
        alone=True,
    ),
    Claim(
        "C11",
        "On unrelated tasks the routes of the tasks do not overlap",
        "Sec. 5.1, Fig. 5",
        sharing.disjoint,
        overlays=("config/synthetic.yaml",),
        alone=True,
    ),
    Claim(
        "C12",
        "L = 2 gives good performance, more layers give marginal returns",
        "Sec. 5.2",
        sweeps.layers,
    ),
    Claim(
        "C13",
        "Larger H gives diminishing returns and increasing search cost",
        "Sec. 5.2, Fig. 7",
        sweeps.subnets,
    ),
    Claim(
        "C14",
        "The search costs about as much as training a regular model",
        "Sec. 1",
        partial(ratios.cost, regular=COMPARED),
    ),
    Claim(
        "C15",
        "Share-Bottom and MMoE are sub-graphs of the search space",
        "Abstract and Sec. 3.1",
        sharing.subgraphs,
    ),
)
