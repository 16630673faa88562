"""What the paper claims, as data: its words in short, where they stand, how they are tested."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from mtnas.evidence.claims import paired as scores
from mtnas.evidence.claims import ratios, sharing, sparse, sweeps
from mtnas.evidence.claims.cost import cost
from mtnas.evidence.claims.paired import Test
from mtnas.evidence.pairing import MTNAS, SINGLE

COMPARED = (("share_bottom", "paper"), ("mmoe", "paper"), ("ml_mmoe", "paper"))
SHARE_BOTTOM, MMOE, _ = COMPARED
MTNAS_PAPER = "MTNAS"  # the source of a claim: who says so
TABLES = ("mtnas", "tables_trained")  # routes that choose tables, each of them trained
FIXED_TABLES = (  # what chooses none, as large or not
    SINGLE,
    SHARE_BOTTOM,
    ("share_bottom", "own_tables"),
    ("stem", "paper"),
    *(("mtnas", f"tables_{name}") for name in ("own", "both", "two_shared", "wide")),
    ("mtnas", "full_sharing"),
)
OURS = "our own"  # a question that no paper answers in words
THREE = ("bookcrossing", "tiktok", "goodreads")  # the paper's real datasets
UNRELATED = "synthetic"  # stands for every dataset of the synthetic study with rho = 0 (Sec. 5.1)
RAW = "bookcrossing_raw=FOLDER tiktok_raw=FOLDER goodreads_raw=FOLDER"
BOOKCROSSING = "config/bookcrossing.yaml"  # the one of the three that is downloaded


@dataclass(frozen=True)
class Claim:
    """One claim, and whose; `overlays` make what it needs, on top of a study or `alone`.

    `data` are the datasets that its source speaks of, which alone decide it; none: it speaks of no
    dataset in particular, so all that its test looks at do.
    """

    id: str
    words: str
    section: str
    test: Test
    data: tuple[str, ...] = ()
    overlays: tuple[str, ...] = (BOOKCROSSING, "config/all_claims.yaml")
    settings: str = ""
    alone: bool = False
    source: str = MTNAS_PAPER

    def speaks_of(self, dataset: str, unrelated: Collection[str]) -> bool:
        """Whether a dataset counts; `unrelated` are those with unrelated tasks.

        What is over several datasets has no name: its test has chosen them.
        """
        if not self.data or not dataset or dataset in self.data:
            return True
        return UNRELATED in self.data and dataset in unrelated

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
        data=THREE,
    ),
    Claim(
        "C2",
        "MTNAS has the lowest MTL loss on every dataset",
        "Sec. 4.3, Tables 2 and 3",
        partial(scores.paired, ours=MTNAS, others=COMPARED, scores=["mtl_loss"]),
        data=THREE,
    ),
    Claim(
        "C3",
        "Compared multi-task methods fall below Single (negative transfer), MTNAS never does",
        "Sec. 4.3, Tables 2 and 3, gray",
        partial(scores.negative_transfer, compared=COMPARED),
        data=THREE,
    ),
    Claim(
        "C4",
        "All searched routes are sparse (compared to full sharing)",
        "Sec. 4.3, Fig. 3",
        sharing.sparsity,
        data=THREE,
    ),
    Claim(
        "C5",
        "Tasks with a higher label correlation share more of their route",
        "Sec. 4.3, Fig. 3c and Table 4",
        sharing.relatedness,
        data=("goodreads",),
        overlays=("config/paper.yaml",),
        settings=RAW,
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
        data=("bookcrossing",),
        overlays=(BOOKCROSSING, "config/figure1.yaml"),
        settings="bookcrossing_raw=FOLDER",
    ),
    Claim(
        "C7",
        "Some gate scores of MMoE are very low, but they do not equal zero",
        "Sec. 1 and 5.1, Fig. 1d and 6",
        sharing.gate_scores,
        data=("bookcrossing", UNRELATED),
    ),
    Claim(
        "C8",
        "Gates beat mean pooling",
        "Sec. 4.3, Table 5",
        partial(
            scores.paired, ours=MTNAS, others=(("mtnas", "mean_pooling"),), scores=["mtl_loss"]
        ),
        data=THREE,
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
        data=THREE,
    ),
    Claim(
        "C10",
        "On unrelated tasks MTNAS has a lower loss than MMoE and Share-Bottom of equal size",
        "Sec. 5.1, Fig. 4",
        partial(ratios.unrelated_tasks, others=(SHARE_BOTTOM, MMOE)),
        data=(UNRELATED,),
        overlays=("config/synthetic.yaml",),
        alone=True,
    ),
    Claim(
        "C11",
        "On unrelated tasks the routes of the tasks do not overlap",
        "Sec. 5.1, Fig. 5",
        sharing.disjoint,
        data=(UNRELATED,),
        overlays=("config/synthetic.yaml",),
        alone=True,
    ),
    Claim(
        "C12",
        "L = 2 gives good performance, more layers give marginal returns",
        "Sec. 5.2",
        sweeps.layers,
        data=THREE,
    ),
    Claim(
        "C13",
        "Larger H gives diminishing returns and increasing search cost",
        "Sec. 5.2, Fig. 7",
        sweeps.subnets,
        data=("goodreads",),
        overlays=("config/paper.yaml", "config/all_claims.yaml"),
        settings=RAW,
        alone=True,
    ),
    Claim(
        "C14",
        "The search costs about as much as training a regular model",
        "Sec. 1",
        partial(cost, regular=COMPARED),
        data=THREE,
    ),
    Claim(
        "C15",
        "Share-Bottom and MMoE are sub-graphs of the search space",
        "Abstract and Sec. 3.1",
        sharing.subgraphs,
    ),
    Claim(
        "C16",
        "Sparse sharing is generally helpful, compared with full sharing",
        "Sec. 1 asks it as question (i), Sec. 6 says that learned routes confirm it",
        sparse.helpful,
        overlays=("config/controls.yaml", "config/sparse.yaml"),
        alone=True,
    ),
    Claim(
        "C17",
        "A search finds more than a blind draw",
        "a question of ours: the paper compares with no random route",
        sparse.found_more,
        overlays=("config/search_study.yaml",),
        alone=True,
        source=OURS,
    ),
    Claim(
        "C18",
        "Routes that choose embedding tables are nowhere behind what chooses none",
        "a question of ours: the paper has one table",
        partial(
            scores.paired,
            ours=TABLES,
            others=FIXED_TABLES,
            scores=("mtl_loss",),
            equal_suffices=True,
        ),
        overlays=("config/tables.yaml",),
        alone=True,
        source=OURS,
    ),
)
