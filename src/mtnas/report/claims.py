"""The claims ledger as files: JSON to compute with, Markdown to read."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mtnas.evidence.claims.evidence import read_evidence
from mtnas.evidence.claims.ledger import STUDY, DatasetVerdict, Entry, Told, ledger, shown
from mtnas.evidence.claims.paper import MTNAS_PAPER, UNRELATED
from mtnas.evidence.claims.verdicts import NOT_JUDGED, NOT_MEASURED
from mtnas.report.data_tables import other_data
from mtnas.report.names import Names, dataset_name
from mtnas.report.render import pipes
from mtnas.report.render.layout import MISSING
from mtnas.report.render.pipes import escaped
from mtnas.runtime import plugins
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_json, write_text
from mtnas.tasks.metrics import ALL_TASKS, METRICS, split_column

RULE = """\
A **comparison** is a statistic with its 95 % interval. It is *replicated* if the interval lies on \
the claimed side of the null value (zero, if none is named), *contradicted* if on the other side, \
*equivalent* if TOST at 5 % places it within the margin (0.001 AUC, 0.1 % of the loss), else \
*inconclusive*. A **claim** is *contradicted* if a comparison that must hold is contradicted and \
stays so under Holm over the whole claim; *replicated* if all that must hold do (where one is \
enough, one that survives Holm); *equivalent* if all are; else *inconclusive*. A claim is judged \
on the data that its source speaks of, named beside it; other datasets are shown as *beyond the \
paper* and decide nothing. Intervals over seeds whose random splits of one table overlap are those \
of the corrected resampled t (Nadeau and Bengio, 2003: variance (1/n + test rows / training rows) \
times that of the seeds); where every seed draws its own data, the plain t; where all seeds have \
one split, the plain t, which is then of initialisation only. The interval is \
the one that decides: where a comparison speaks against a claim, or one is enough, it is widened \
as Holm's correction asks (and marked so), so that it excludes the null value exactly where the \
verdict says so. The first table has the comparison that speaks least for the claim. \
Controls decide nothing, nor do \
simulated data, save those of the paper's own synthetic study and of studies of planted tasks. A \
verdict on fewer datasets than the study has says on how many.\
"""

COMPARISON = (
    *("Comparison", "Claimed", "Estimate", "95 % interval", "Over", "p", "Holm", "TOST"),
    *("Seeds to resolve the margin", "Verdict"),
)
BEYOND, UNRELATED_TASKS = "beyond the paper", "unrelated synthetic tasks"
HEADINGS = {MTNAS_PAPER: "Claims of the paper"}
ONLY_SIMULATED = "real data (simulated ones decide nothing of the paper's claims)"


def write_ledger(
    path: str | Path,
    md: str | Path,
    *,
    run_folders: Sequence[str | Path],
    routes: Sequence[str | Path] = (),
    manifests: Sequence[str | Path] = (),
    exhaustive: Sequence[str | Path] = (),
    subgraphs: str | Path | None = None,
    subsets: Sequence[str | Path] = (),
    simulated_studies: Sequence[str | Path] = (),
    study: str = STUDY,
) -> None:
    """Judge all claims and write the list of them as JSON and as Markdown, each atomically.

    `study` is the command to which a claim that was not measured adds what it needs.
    """
    evidence = read_evidence(
        run_folders,
        routes=routes,
        manifests=manifests,
        exhaustive=exhaustive,
        subgraphs=subgraphs,
        subsets=subsets,
        simulated_studies=simulated_studies,
    )
    entries = ledger(evidence, study=study)
    write_json(path, entries)
    write_text(md, to_markdown(entries, other_data(manifests)))


def read_ledger(path: str | Path, remedy: str) -> list[Entry]:
    """Read a ledger that was written; `RecordError` says `remedy` if it is missing or broken."""
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
        return [entry for entry in entries if entry["id"] and entry["verdict"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecordError(f"{path}: not a claims ledger ({error}); {remedy}") from None


def to_markdown(entries: Sequence[Entry], note: str | None = None) -> str:
    """Render the claims of each source in one table, a note on the data, then the comparisons.

    A source of which nothing was measured has one line.
    """
    parts, notes = [], [note, RULE]
    for source, own in by_source(entries).items():
        parts += [f"### {HEADINGS.get(source, f'Claims of {source}')}"]
        if _is_nothing(own):
            parts += [_nothing(own)]
            continue
        parts += [_table(own), *filter(None, notes)]
        notes = []  # once
        for entry in own:
            if entry["comparisons"]:
                parts += [f"#### {entry['id']}. {entry['claim']}", f"{entry['test']}"]
                parts += [_comparisons(entry)]
    return "\n\n".join(parts) + "\n"


def summary(entries: Sequence[Entry]) -> str:
    """Render one line per claim: its verdict, by dataset, and the interval that decides it.

    Sources of which the study has nothing are left out, unless it has nothing of any.
    """
    sources = list(by_source(entries).values())
    told = [own for own in sources if not _is_nothing(own)] or sources
    return "\n\n".join(map(_table, told))


def by_source(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Return the claims of each source, in their order."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry["source"], []).append(entry)
    return found


def _is_nothing(entries: Sequence[Entry]) -> bool:
    """Whether a study has nothing, finished or not, that the claims of a source are about."""
    return not any(entry["comparisons"] or entry["datasets"] for entry in entries)


def _nothing(entries: Sequence[Entry]) -> str:
    """Say in one line that nothing was measured of a source, and what would measure it."""
    first, last = entries[0]["id"], entries[-1]["id"]
    commands = dict.fromkeys(entry["command"] for entry in entries if entry["command"])
    told = ", ".join(f"`{command}`" for command in commands)
    names = first if first == last else f"{first}–{last}"
    return f"{names}: not measured. Run {told}."


def _table(entries: Sequence[Entry]) -> str:
    head = ("Claim", "What is claimed", "Verdict", "By dataset", "Estimate", "Seeds")
    rows = [
        (
            entry["id"],
            f"{escaped(entry['claim'])} ({escaped(entry['section'])}{_data(entry)})",
            _verdict(entry),
            "<br>".join(of_dataset(*item, escaped) for item in entry["datasets"].items()),
            _estimate(entry),
            entry["seeds"] or MISSING,
        )
        for entry in entries
    ]
    return pipes.table(head, rows, [*[pipes.LEFT] * (len(head) - 1), pipes.RIGHT])


def _verdict(entry: Entry) -> str:
    """Return the verdict, and on how many datasets it stands if not on all."""
    counted = {name: of["verdict"] for name, of in entry["datasets"].items() if not of["beyond"]}
    named = {*counted, *entry["data"]} - {UNRELATED}
    measured = sum(not of.startswith((NOT_MEASURED, NOT_JUDGED)) for of in counted.values())
    part = f" on {measured} of {len(named)}" if 0 < measured < len(named) else ""
    return f"**{entry['verdict']}**{part}"


def _data(entry: Entry) -> str:
    """Name the data that a claim is about."""
    names = [UNRELATED_TASKS if d == UNRELATED else dataset_name(d) for d in entry["data"]]
    return f"; on {', '.join(names)}" if names else ""


def of_dataset(name: str, found: DatasetVerdict, text: Callable[[str], str] = str) -> str:
    """Say what a claim is on a dataset, and whether that is beyond its source."""
    beyond = f" ({BEYOND})" * found["beyond"]
    return f"{text(dataset_name(name, found['simulated']))}{beyond}: {found['verdict']}"


def _estimate(entry: Entry) -> str:
    """Return the interval that decides, or what is missing and the command that makes it."""
    if entry["verdict"] == NOT_JUDGED:
        return "applies to none of these datasets"
    if entry["estimate"] is None:
        lacks = missing(entry["missing"]) or ONLY_SIMULATED
        return escaped(f"lacks {lacks}. Run {entry['command']}")
    decided = next(
        c for c in entry["comparisons"] if shown(c["dataset"], c["what"]) == entry["decided_by"]
    )
    what, said = escaped(_what(decided)), escaped(decided["said"])
    lacks = (
        f"<br>not measured: {escaped(missing({'': general}))}"
        if (general := entry["missing"].get(""))
        else ""
    )
    return f"{number(decided['estimate'])} {deciding(decided)}<br>{what}<br>{said}{lacks}"


def _what(comparison: Told) -> str:
    """Return what is compared, after the title of its dataset: runs by the names of their methods.

    The ledger says `auc_t0: mtnas/paper - mmoe/paper`; readers get `AUC of t0: MTNAS − MMoE`.
    """
    name = dataset_name(comparison["dataset"], comparison["simulated"])
    return shown(name, in_words(comparison["what"]))


def in_words(what: str) -> str:
    """Return what is compared with the names of methods and metrics that readers know."""
    methods = "|".join(plugins.names("methods"))
    named = re.sub(rf"\b({methods})/(\w+)", lambda m: Names().run(m[1], m[2]), what)
    column, _, rest = named.partition(": ")
    metric, task = split_column(column)
    if metric in METRICS and rest:
        named = f"{METRICS[metric].title}{f' of {task}' * (task != ALL_TASKS)}: {rest}"
    return named.replace(" - ", " − ")


def missing(what: Mapping[str, Sequence[str]]) -> str:
    """Say once what several datasets lack alike: `mmoe/paper (MovieLens, InstEval)`."""
    alike: dict[str, list[str]] = {}
    for dataset, names in what.items():
        lacks = ", ".join(name.removeprefix(f"{dataset}/") for name in names)
        alike.setdefault(lacks, []).extend([dataset_name(dataset)] if dataset else [])
    return "; ".join(f"{lacks} ({', '.join(d)})" if d else lacks for lacks, d in alike.items())


def _comparisons(entry: Entry) -> str:
    rows = [comparison_cells(c, _what(c), escaped) for c in entry["comparisons"]]
    aligned = [pipes.LEFT] * 2 + [pipes.RIGHT] * (len(COMPARISON) - 3) + [pipes.LEFT]
    return pipes.table(COMPARISON, rows, aligned)


def comparison_cells(told: Told, what: str, text: Callable[[str], str] = str) -> tuple[str, ...]:
    """Return the cells of a comparison, named `what`, below the heads of `COMPARISON`.

    `text` renders what may hold any letters.
    """
    role = {"some": " (one is enough)", "control": " (control)"}.get(told["role"], "")
    role += f" ({BEYOND})" * told["beyond"]
    return (
        text(what),
        claimed(told),
        f"{number(told['estimate'])} {text(told['unit'])}",
        deciding(told),
        text(told["over"]),
        *map(probability, (told.get("p_value"), told.get("holm_p"), told.get("tost_p"))),
        str(told.get("seeds_needed", MISSING)),
        f"{told['verdict']}{role}: {told['said']}",
    )


def claimed(told: Told) -> str:
    """Return on which side of what a comparison ought to be, such as `above 0`."""
    side = {"higher": "above", "lower": "below"}[told["claim"]]
    return f"{side} {number(told['null'])}"


def deciding(told: Told) -> str:
    """Return the interval that decides a comparison; `(Holm)` marks one that is corrected."""
    low, high = told["deciding"]
    mark = " (Holm)" * ((low, high) != (told["low"], told["high"]))
    return f"[{number(low)}, {number(high)}]{mark}"


def number(value: float) -> str:
    """Format with four decimals, or three digits where those would show nothing."""
    plain = value == 0 or 1e-3 <= abs(value) < 1e4
    text = f"{value:.4f}" if plain and value else "0" if value == 0 else f"{value:.2e}"
    return text.replace("-", "−")


def probability(value: float | None) -> str:
    """Format a p-value with three decimals."""
    if value is None:
        return MISSING
    return "< .001" if value < 0.001 else f"{value:.3f}".replace("0.", ".", 1)
