"""What stands below Tables 2, 3 and 5."""

from collections.abc import Sequence

from mtnas.evidence.constant import WHY
from mtnas.evidence.pairing import SINGLE, Row
from mtnas.evidence.resampling import Kind
from mtnas.report.names import column_name, dataset_name
from mtnas.report.render.layout import BELOW, FAMILY, SURELY_BELOW, TUNED
from mtnas.report.runs import Results
from mtnas.tasks.metrics import METRICS, MTL_LOSS, Direction, split_column

SIMULATED_NOTE = "SIMULATED DATA: not the paper's data; no conclusion about it follows."


def score_notes(results: Results, *, gains: bool) -> tuple[str, ...]:
    """Return the notes of Tables 2 and 3; `gains`: there is a block of differences."""
    notes = [
        "Test split. Each cell: mean ± standard deviation over the seeds (a seed moves "
        "initialisation and, unless fixed_split is set, the split); the best mean of a column is "
        "bold. Dense parameters exclude the embedding table. 'paper': the number printed in the "
        "paper, which gives one value without spread, and in brackets ours less it."
    ]
    if fixed := _of_kind(results, "fixed"):
        notes.append(
            f"{fixed}: one split for every seed, so there the spread and the intervals cover "
            "initialisation only."
        )
    if overlap := _of_kind(results, "overlapping"):
        notes.append(
            f"{overlap}: the random splits of the seeds overlap, so intervals and p-values are "
            "those of the corrected resampled t (Nadeau and Bengio, 2003)."
        )
    if disjoint := _of_kind(results, "disjoint"):
        notes.append(
            f"{disjoint}: seeds test disjoint rows, so intervals are plain ones within a "
            "repetition; training rows overlap, so they are a little narrow."
        )
    if any(row == SINGLE for row in results.rows):
        notes.append(
            f"{BELOW} (gray): mean worse than Single, negative transfer; the 95 % paired interval "
            f"includes zero or there is only one seed. {SURELY_BELOW} (gray): worse than Single, "
            "and the interval excludes zero."
        )
    if gains:
        notes.append(
            "Differences: paired by seed, 95 % t interval in brackets; bold where it excludes "
            f"zero; {FAMILY} where Holm's p-value over the whole block is below .05. "
            f"{_favour(results)}"
        )
    return (*notes, *_run_notes(results, results.rows))


def _of_kind(results: Results, kind: Kind) -> str:
    """Name the datasets whose seeds came to their rows in one way."""
    found = (d for d in results.datasets if results.resampling(d).kind == kind)
    return ", ".join(dataset_name(d, results.simulated(d)) for d in found)


def _favour(results: Results) -> str:
    """Say which sign of a difference favours the reference, score by score."""
    columns = [column for dataset in results.datasets for column in results.columns(dataset)]
    metrics = dict.fromkeys(split_column(column)[0] for column in columns)
    named: dict[Direction, list[str]] = {"higher": [], "lower": []}
    for metric in metrics:
        title = "loss" if metric == MTL_LOSS else METRICS[metric].title
        named[METRICS[metric].direction].append(title)
    signs = {"positive": named["higher"], "negative": named["lower"]}
    parts = [f"{sign} {' or '.join(titles)}" for sign, titles in signs.items() if titles]
    text = " and ".join(parts)
    told = f"{text[:1].upper()}{text[1:]} favour {results.name(results.reference)}."
    if "auc" not in metrics:
        return told
    return (
        f"{told} Last column: seeds that would resolve 0.001 AUC on the noisiest task with 80 % "
        "power; empty where no number of them does, since splits overlap or all rows are tested."
    )


def variant_notes(results: Results, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the notes of Table 5 with these rows."""
    notes = [
        "Test split, sum of the tasks' losses: mean ± standard deviation over the seeds; the "
        "lowest of a column is bold. 'Mean pooling' is the paper's Baseline, 'root query only' its "
        "MTNAS w/o QS. 'paper': the number printed in the paper, and in brackets ours less it.",
        f"Differences: paired by seed; bold where the interval excludes zero, {FAMILY} where "
        "Holm's p-value over the block is below .05. Negative favours MTNAS.",
    ]
    if overlap := _of_kind(results, "overlapping"):
        notes.append(f"{overlap}: intervals are corrected for the overlap of random splits.")
    if any(results.get(dataset, SINGLE) for dataset in results.datasets):
        notes.append(
            f"{BELOW} (gray): loss above Single's; {SURELY_BELOW} (gray): and the paired interval "
            "excludes zero."
        )
    return (*notes, *_run_notes(results, rows))


def _run_notes(results: Results, rows: Sequence[Row]) -> list[str]:
    """Say how runs of a table differ from each other in what they may be compared by."""
    notes = [*_seeds(results, rows), *_tuned(results, rows), *_constant(results, rows)]
    return [*notes, SIMULATED_NOTE] if any(map(results.simulated, results.datasets)) else notes


def _seeds(results: Results, rows: Sequence[Row]) -> list[str]:
    """Say over how many seeds runs are compared, where they do not have the same."""
    found = []
    for dataset in results.datasets:
        having = [row for row in rows if results.get(dataset, row)]
        beside = next((r for r in (results.reference, SINGLE) if r in having), having[0])
        ours = results.seeds(dataset, beside)
        differing = [row for row in having if results.seeds(dataset, row) != ours]
        if differing:
            counts = ", ".join(
                f"{results.name(row)} {len(results.seeds(dataset, row))} "
                f"({len(results.seeds(dataset, row) & ours)} in common)"
                for row in differing
            )
            found.append(f"{dataset_name(dataset)}: {results.name(beside)} {len(ours)}, {counts}")
    if not found:
        return []
    return [
        f"Not all runs have the same seeds. {'; '.join(found)}. A mean is over all seeds of its "
        "run, differences and gray marks are over the seeds that both runs have in common."
    ]


def _tuned(results: Results, rows: Sequence[Row]) -> list[str]:
    """List the options that a grid search chose, and what they were."""
    told = []
    for row in rows:
        for dataset, chosen in results.tuned(row).items():
            values = ", ".join(
                f"{name.rpartition('.')[2]} {found['value']}"
                + ("" if found["value"] == found["instead_of"] else f" (for {found['instead_of']})")
                for name, found in chosen.items()
            )
            told.append(f"{dataset_name(dataset)}, {results.name(row)}: {values}")
    if not told:
        return []
    return [
        f"{TUNED}: options chosen by a grid search on validation (V8); in brackets those without "
        f"it. {'; '.join(told)}."
    ]


def _constant(results: Results, rows: Sequence[Row]) -> list[str]:
    """Name the runs of which a model predicts one value for all rows."""
    told = []
    for dataset in results.datasets:
        for row in rows:
            for column, count in results.constant(dataset, row).items():
                which = f"{dataset_name(dataset)}, {results.name(row)}, {column_name(column)}"
                told.append(f"{which}: {count} of {len(results.seeds(dataset, row))}")
    return [f"Some models {WHY}. {'; '.join(told)}."] if told else []
