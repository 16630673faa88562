"""Does searching routes beat simple sharing, and blind choice?"""

from collections.abc import Iterable, Sequence

from mtnas.config.entries import PAPER
from mtnas.evidence.claims.paper import COMPARED
from mtnas.evidence.pairing import MTNAS, SINGLE, Row
from mtnas.evidence.search_record import SearchRecord
from mtnas.report.answer.compare import Gain, corrected, gain, intervals_of, loss_of, score_of
from mtnas.report.answer.form import Answer, Statement
from mtnas.report.answer.words import called, interval, listed, of, raw, split
from mtnas.report.decided import MEANING, entropy_left, verdict
from mtnas.report.names import counted, dataset_name
from mtnas.report.runs import Results

QUESTION = "Does searching routes beat simple sharing?"
SIMPLE: tuple[Row, ...] = (SINGLE, *COMPARED)


def answer(
    results: Results,
    datasets: Iterable[str],
    controls: Sequence[Row],
    searches: Sequence[SearchRecord],
    more: Sequence[Statement] = (),
) -> Answer | None:
    """Return the answer, with `more` findings; None if no searching method was trained."""
    having = [d for d in datasets if results.get(d, MTNAS) is not None]
    simple = _against(results, having, SIMPLE)
    if not simple:
        return None
    blind = _against(results, having, controls)
    statements = [
        Statement(kind="asked", text=_asked(results, simple), anchor="table-table2"),
        Statement(kind="found", text=_found(results, simple), anchor="table-table2"),
    ]
    if len(simple) > 1 and _tested(simple):
        text = _tally(results, _tested(simple))
        statements.append(Statement(kind="found", text=text, anchor="table-table2"))
    if _tested(blind):  # one seed shows nothing, as was said
        text = _blind(results, _tested(blind))
        statements.append(Statement(kind="found", text=text, anchor="table-table2"))
    if text := decided(searches):
        statements.append(Statement(kind="found", text=text, anchor="figure-search_curves"))
    return Answer(
        question=QUESTION,
        statements=(*statements, *more, *_sure(results, simple), _next(simple, blind)),
        intervals=intervals_of(results, [*simple, *blind], "table-table2"),
    )


def comparisons(results: Results, datasets: Sequence[str], controls: Sequence[Row]) -> list[Gain]:
    """Return how the search compares with simple sharing, then with controls; none without both
    the search and a simple method, where `answer` says nothing either.
    """
    having = [d for d in datasets if results.get(d, MTNAS) is not None]
    simple = _against(results, having, SIMPLE)
    return [*simple, *_against(results, having, controls)] if simple else []


def _against(results: Results, datasets: Sequence[str], others: Sequence[Row]) -> list[Gain]:
    """Compare the search with others on every dataset; one correction for all of them."""
    return corrected(
        gain(results, dataset, MTNAS, other, score_of(results, dataset))
        for dataset in datasets
        for other in others
    )


def _tested(gains: Iterable[Gain]) -> list[Gain]:
    """Return the comparisons of more than one seed."""
    return [g for g in gains if g.interval is not None]


def _named(results: Results, gains: Sequence[Gain]) -> tuple[str, str]:
    """Return the names of datasets, and of the methods that the search is compared with."""
    datasets = dict.fromkeys(g.dataset for g in gains)
    names = [dataset_name(d, results.simulated(d)) for d in datasets]
    return listed(names), listed(list(dict.fromkeys(results.name(g.other) for g in gains)))


def _asked(results: Results, gains: Sequence[Gain]) -> str:
    data, others = _named(results, gains)
    words = listed(list(dict.fromkeys(g.score.words for g in gains)))
    seeds = listed([str(n) for n in sorted({g.found.n for g in gains})])
    return (
        f"{results.name(MTNAS)} searches which sub-networks each task uses. Is it better than "
        f"{others}, which search nothing? On {data}, {seeds} seed{'s' * (seeds != '1')} each, by "
        f"{words}. Corrected: for the number of comparisons (Holm), so that luck does not decide."
    )


def _found(results: Results, gains: Sequence[Gain]) -> str:
    """Say how the search compares with simple sharing: a dataset is won against all methods."""
    name = results.name(MTNAS)
    if not _tested(gains):
        return f"One seed shows nothing of {name}: without a second one nothing has an interval."
    datasets = list(dict.fromkeys(g.dataset for g in gains))
    won = [d for d in datasets if all(g.sign > 0 for g in gains if g.dataset == d)]
    names = listed([_title(results, d) for d in won or datasets[:1]])
    every = "measurably better than every simple method"
    better = f"{name}, which searches, is {every}"
    if len(won) == len(datasets):
        told = f"Yes: {better} on {names}"
    elif won:
        told = f"In part: {better} on {names}, of {len(datasets)} datasets"
    elif len(datasets) == 1:
        told = f"No: {name}, which searches, is not {every}"
    else:
        told = f"No: on none of {len(datasets)} datasets is {name}, which searches, {every}"
    return f"{told}{_largest(results, gains)}."


def _largest(results: Results, gains: Sequence[Gain]) -> str:
    """Name the largest measurable difference of one score, with its interval: of AUC, if any is
    by it, else of the loss, as a share of the loss that a dataset has.
    """
    measurable = [g for g in gains if g.sign]
    pool = measurable or _tested(gains)
    by_auc = [g for g in pool if g.score.sign > 0]
    largest = max(by_auc or pool, key=lambda g: abs(g.found.mean) / g.score.effect)
    several = len({g.score.unit for g in gains}) > 1
    which = f" of {largest.score.unit}" if several else ""
    if not by_auc and len({g.dataset for g in pool}) > 1:
        which = " as a share of the loss"
    luck = "" if measurable else " may be luck"
    return f". The largest difference{which}{luck}: {_shown(results, largest)}"


def _shown(results: Results, found: Gain) -> str:
    """Return a comparison as part of a sentence."""
    word = "above" if raw(found) > 0 else "below"
    name = _title(results, found.dataset)
    other = called(results, found.other)
    return f"{of(found)} {found.score.unit} {word} {other} on {name} ({interval(found)})"


def _title(results: Results, dataset: str) -> str:
    return dataset_name(dataset, results.simulated(dataset))


def _tally(results: Results, gains: Sequence[Gain]) -> str:
    """Count the comparisons by what they show; also by the loss, where they are by AUC."""
    told = split(*_counted(gains), "the search", "simple sharing")
    words = listed(list(dict.fromkeys(g.score.words for g in gains)))
    text = f"Of {counted(len(gains), 'comparison')} by {words}, {told}"
    by_loss = corrected(
        gain(results, g.dataset, g.ours, g.other, loss_of(results, g.dataset))
        for g in gains
        if g.score.sign > 0
    )
    if by_loss:
        better, worse, same = _counted(by_loss)
        text += f"; by test loss, which training minimises, it is {better}, {worse} and {same}"
    return f"{text} (all corrected for their number)."


def _blind(results: Results, gains: Sequence[Gain]) -> str:
    """Say how the search compares with controls, which search nothing."""
    better, worse, same = _counted(gains)
    others = listed(
        list(dict.fromkeys(results.name(g.other).split("(")[-1].rstrip(")") for g in gains))
    )
    begin = "It does not beat routes that nobody searched"
    if worse and worse >= better:
        begin = "Routes that nobody searched beat it"
    elif better:
        begin = "It beats routes that nobody searched" + ", in part," * (better < len(gains))
    told = split(better, worse, same, "the search", "the control")
    return f"{begin}: of {counted(len(gains), 'comparison')} with {others}, {told} (corrected)."


def _counted(gains: Sequence[Gain]) -> tuple[int, int, int]:
    signs = [g.sign for g in gains]
    return signs.count(1), signs.count(-1), signs.count(0)


def decided(searches: Iterable[SearchRecord]) -> str:
    """Say whether the searches of the paper decided anything; nothing if none recorded that."""
    found = [
        entropy_left(b for seed in record.seeds.values() for b in seed.blocks.values())
        for record in searches
        if record.variant == PAPER
    ]
    shares = sorted(share for share in found if share is not None)
    if not shares:
        return ""
    word = verdict(shares[-1])
    alike = sum(verdict(share) == word for share in shares)
    where = f" on {alike} of {len(shares)} datasets" * (alike < len(shares))
    low, high = (f"{share:.0%}" for share in (shares[0], shares[-1]))
    between = low if low == high else f"{low} to {high}"
    return (
        f"The search {word}{where}: when it ends, {between} of the entropy of blind choice is left "
        f"({MEANING})."
    )


def _sure(results: Results, gains: Sequence[Gain]) -> list[Statement]:
    """Say what limits the answer."""
    told = []
    simulated = [d for d in dict.fromkeys(g.dataset for g in gains) if results.simulated(d)]
    if simulated:
        names = listed([dataset_name(d) for d in simulated])
        told.append(f"{names}: made by a program, so this says nothing of real data.")
    seeds = min(g.found.n for g in gains)
    kinds = {g.found.resampling.kind for g in gains}
    told.append(
        f"It rests on {counted(seeds, 'seed')} of these tables"
        + "; that their splits overlap, the intervals take into account" * ("overlapping" in kinds)
        + "; where all have one split, they are of initialisation only" * ("fixed" in kinds)
        + ". Other tables may differ."
    )
    return [Statement(kind="sure", text=text) for text in told]


def _next(simple: Sequence[Gain], blind: Sequence[Gain]) -> Statement:
    if any(g.interval is None for g in simple):
        text = "Run again with seeds: 5 or more in the configuration; one seed has no interval."
    elif any(g.sign > 0 for g in simple) and any(g.sign > 0 for g in blind):
        text = "Search on tables like those where it wins, and keep random routes beside it."
    else:
        text = (
            "On tables like these train a model for each task and one model for all tasks "
            "(Share-Bottom) before you search routes. For a table of your own begin with "
            ".venv/bin/mtnas describe FILE."
        )
    return Statement(kind="do", text=text)
