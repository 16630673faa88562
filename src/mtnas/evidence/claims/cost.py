"""The claim about what a search costs (Sec. 1), in seconds of the clock."""

from collections.abc import Sequence

from scipy import stats

from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import Evidence, Search
from mtnas.evidence.claims.paired import Outcome, lacking
from mtnas.evidence.claims.sharing import searched
from mtnas.evidence.claims.verdicts import Comparison, Role, by_interval
from mtnas.evidence.pairing import Row

SAME_COST = 2.0  # "about as much": less than twice the time (D14)
PAPER_ROWS = {"bookcrossing": 800_000, "tiktok": 15_697_872, "goodreads": 1_822_664}  # of training


def cost(evidence: Evidence, *, regular: Sequence[Row]) -> Outcome:
    """Divide the seconds of a step of the search by those of a step of training: below twice.

    Each regular model is timed once, so the interval is the range over them, not one of chance: the
    claim holds where the search is below twice the time of all, and fails where of none. Times of
    other days or machines do not compare: where a model was not timed side by side with the search,
    nothing is decided. The total is told beside it, as measured and at the paper's number of rows:
    it depends on how many steps a search takes, which the paper does not say (D4).
    """
    outcome = Outcome()
    for search in searched(evidence, evidence.datasets, outcome):
        dataset = search.record.dataset
        runs: list[RunKey] = [(dataset, *row) for row in regular]
        if lacking(evidence, outcome, dataset, regular):
            continue
        if dataset not in evidence.tables:
            outcome.missing[dataset] = [f"{dataset}: manifest.json with its rows"]
            continue
        if not all(_steps(evidence, run) for run in runs):
            outcome.missing[dataset] = ["the epochs that a regular model was trained for"]
            continue
        if search.record.weight_steps is None:
            outcome.missing[dataset] = ["the steps that its search took"]
            continue
        step = search.seconds / search.record.weight_steps
        outcome.comparisons += _ratios(evidence, search, runs, step)
    return outcome


def _ratios(
    evidence: Evidence, search: Search, runs: Sequence[RunKey], step: float
) -> list[Comparison]:
    """Compare the search with regular models: a step, the total, and that at the paper's size.

    `step`: the seconds of one step of the search, per seed.
    """
    beside = [run for run in runs if _side_by_side(evidence, search, run)]
    shown, dataset = beside or runs, search.record.dataset
    per_step = [step * _steps(evidence, run) / _seconds(evidence, run) for run in shown]
    totals = [search.seconds / evidence.train_seconds(run) for run in shown]
    told: list[tuple[str, list[float], Role]] = [
        ("seconds of a step of the search / of a step of training {}", per_step, "all"),
        ("seconds of the search / of training {}", totals, "control"),
    ]
    if dataset in PAPER_ROWS:
        larger = PAPER_ROWS[dataset] / evidence.tables[dataset].split_sizes["train"]
        what = f"the same with {PAPER_ROWS[dataset]:,} training rows, as in the paper, for {{}}"
        told.append((what, [total / larger for total in totals], "control"))
    names = ", ".join(run[1] for run in shown)
    if apart := ", ".join(run[1] for run in runs if run not in beside):
        names += f" (not timed side by side: {apart})"
    compared = len(beside), len(runs)
    return [
        _range(evidence, search, shown, what.format(names), ratios, role, compared)
        for what, ratios, role in told
    ]


def _range(
    evidence: Evidence,
    search: Search,
    runs: Sequence[RunKey],
    what: str,
    ratios: Sequence[float],
    role: Role,
    compared: tuple[int, int],
) -> Comparison:
    low, mean, high = min(ratios), float(stats.gmean(ratios)), max(ratios)
    beside, all_runs = compared
    found = by_interval(mean, low, high, SAME_COST, "lower")
    return Comparison(
        dataset=search.record.dataset,
        what=what,
        unit="ratio",
        claim="lower",
        estimate=mean,
        low=low,
        high=high,
        null=SAME_COST,
        verdict=found if beside == all_runs else "inconclusive",
        role=role,
        seeds=len(search.routes),
        over=f"range; {beside} of {all_runs} regular models timed side by side with it",
        evidence=(search.path, *(evidence.record(run) for run in runs)),
    )


def _side_by_side(evidence: Evidence, search: Search, run: RunKey) -> bool:
    """Whether a run and a search were timed in one go: one version of the code, one environment.

    A search records no commit, but its own run does, whose code is that of the search.
    """
    if search.key not in evidence.runs:
        return False
    own, other = evidence.runs[search.key].record, evidence.runs[run].record
    searching = own.code, own.environment, own.timings.device
    record = search.record
    return searching == (record.code, record.environment, record.timings.device) and (
        own.git.commit, own.environment, own.timings.device,
    ) == (other.git.commit, other.environment, other.timings.device)  # fmt: skip


def _steps(evidence: Evidence, run: RunKey) -> int:
    """Return how many steps of training a run took, all seeds together."""
    record = evidence.runs[run].record
    rows = evidence.tables[run[0]].split_sizes["train"]
    per_epoch = max(1, rows // record.spec.trained.batch_size)
    return per_epoch * sum(len(fit.train_loss) for fit in record.fits)


def _seconds(evidence: Evidence, run: RunKey) -> float:
    return evidence.runs[run].record.timings.train_seconds
