"""Tables, claims and figures of `results/published`, from the numbers that are kept there.

The published files are laid out as the workflow had left them, and the functions of the rules read
them there, for the runs that the rules would choose (`mtnas.report.selection`).
"""

import shutil
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mtnas.evidence.claims.ledger import STUDY
from mtnas.evidence.records import RunRecord
from mtnas.report import selection
from mtnas.report.audit_text import to_markdown
from mtnas.report.claims import write_ledger
from mtnas.report.data_tables import data_statistics, label_correlations
from mtnas.report.exhaustive import exhaustive_figure
from mtnas.report.figure1 import figure1
from mtnas.report.figure2 import figure2
from mtnas.report.figures import figure3, search_curves
from mtnas.report.layout import Table
from mtnas.report.regret import regret_table
from mtnas.report.searched import read_routes
from mtnas.report.store import RESTORE, read_inventory, restore
from mtnas.report.sweeps import figure7
from mtnas.report.synthetic_figures import figure4, figure5, figure6
from mtnas.report.table5 import variants
from mtnas.report.tables import main_results
from mtnas.report.why_single import why_single
from mtnas.report.writers import write_table
from mtnas.runtime.errors import MtnasError, RecordError
from mtnas.runtime.files import read_json, without_remake, write_text
from mtnas.study.paths import DATA, ROUTES, RUN, SUBGRAPHS, TRUTH, TRUTHS, of_runs, table_files
from mtnas.study.plan import Inventory

PARTS = ("tables", "claims", "figures", "audit")


def rebuild(folder: str | Path) -> None:
    """Make tables, claims and figures anew; what the published runs do not give any more goes.

    Raises:
        RecordError: a published file is missing, broken or contradicts another.
    """
    folder = Path(folder).resolve()
    inventory = read_inventory(folder)
    # The ledgers name the files of a study relative to its folder, so this one is entered.
    with TemporaryDirectory(prefix="mtnas-") as scratch, chdir(scratch):
        try:
            restore(folder)
            _report(inventory)
        except MtnasError as error:
            raise _of_published(folder, error) from None
        for part in PARTS:
            _replace(folder / part, Path("results") / part)


def _of_published(folder: Path, error: MtnasError) -> RecordError:
    """Return an error about what is published: its paths are those of the scratch folder, and what
    they name must not be made again, or deleted, where the workflow runs.
    """
    if str(error).endswith(RESTORE):
        return RecordError(str(error))
    message = without_remake(str(error))
    return RecordError(f"{folder}: what it restores is refused: {message}; {RESTORE}")


def _report(inventory: Inventory) -> None:
    """Write tables, claims, figures and audits below the current folder."""
    for name, build in _tables(inventory).items():
        write_table(build(), **table_files(name))
    _claims(inventory)
    for name, draw in _figures(inventory).items():
        draw([f"results/figures/{name}.png"])
    for path in Path("results/audit").glob("*.json"):
        write_text(path.with_suffix(".md"), to_markdown(read_json(path)))


def _tables(inventory: Inventory) -> dict[str, Callable[[], Table]]:
    """Return how each table is built."""
    runs = {name: of_runs(RUN, of) for name, of in selection.table_runs(inventory).items()}
    manifests = [
        f"{DATA}/manifest.json".format(dataset=name) for name in selection.principal(inventory)
    ]
    builders: dict[str, Callable[[], Table]] = {
        "table1": partial(data_statistics, manifests),
        "table2": partial(main_results, runs["table2"], manifests=manifests),
        "table3": partial(main_results, runs["table3"], manifests=manifests, name="table3"),
        "table4": partial(label_correlations, manifests),
        "table5": partial(variants, runs["table5"], manifests=manifests),
        "why_single": partial(why_single, runs["why_single"]),
    }
    for space in inventory.judged:
        judged = inventory.judged_by(space)
        builders[f"regret_{space}"] = partial(regret_table, _truths(inventory, space), judged)
    return {name: builders[name] for name in selection.tables(inventory)}


def _claims(inventory: Inventory) -> None:
    """Judge the claims on all published runs."""
    searches = inventory.searches_of(inventory.runs)
    spaces = dict.fromkeys(name for of in inventory.judged.values() for name in of)
    write_ledger(
        "results/claims/claims.json",
        "results/claims/claims.md",
        run_folders=of_runs(RUN, inventory.runs),
        routes=of_runs(f"{ROUTES}/routes.json", searches),
        manifests=[f"{DATA}/manifest.json".format(dataset=name) for name in inventory.datasets],
        exhaustive=[TRUTHS.format(dataset=name) for name in spaces],
        subgraphs=SUBGRAPHS if Path(SUBGRAPHS).is_file() else None,
        study=_study(inventory),
    )


def _study(inventory: Inventory) -> str:
    """Return the command of a study of measured data, if possible of the main comparison."""
    runs = [*sorted(inventory.experiments.get("main", [])), *sorted(inventory.runs)]
    measured = [run for run in runs if not inventory.datasets[run[0]].drawn]
    records = (RunRecord.read(f"{folder}/run.json") for folder in of_runs(RUN, measured))
    commands = (record.study or "" for record in records)
    return next(filter(None, commands), STUDY)


def _figures(inventory: Inventory) -> dict[str, Callable[[list[str]], None]]:
    """Return how each figure is drawn, given the files to write."""
    searched = of_runs(f"{ROUTES}/routes.json", selection.searched(inventory))
    unrelated = of_runs(f"{ROUTES}/routes.json", selection.unrelated(inventory))
    shown = selection.shown(inventory)
    whole = (inventory.datasets[shown].space if shown else None) or {}
    drawn = {name: facts.drawn for name, facts in inventory.datasets.items() if facts.drawn}
    drawers: dict[str, Callable[[list[str]], None]] = {
        "figure1": partial(figure1, of_runs(RUN, selection.figure1_runs(inventory)), SUBGRAPHS),
        "figure2": partial(figure2, whole),
        "figure3": partial(
            figure3, of_runs(f"{ROUTES}/routes.json", selection.searched_measured(inventory))
        ),
        "search_curves": partial(search_curves, searched),
        "figure4": partial(figure4, of_runs(RUN, selection.synthetic_runs(inventory))),
        "figure5": partial(figure5, unrelated, drawn),
        "figure6": partial(figure6, of_runs(RUN, selection.gated_runs(inventory))),
    }
    for name, kind in selection.SWEEPS.items():
        runs = selection.sweep_runs(inventory, kind)
        routes = of_runs(f"{ROUTES}/routes.json", inventory.searches_of(runs))
        drawers[name] = partial(figure7, of_runs(RUN, runs), routes, kind=kind)
    for space in inventory.judged:
        judged = inventory.judged_by(space)
        drawers[f"exhaustive_{space}"] = partial(
            exhaustive_figure, _truths(inventory, space), judged
        )
    there = {
        "figure1": Path(SUBGRAPHS).is_file(),
        "figure2": bool(whole),
        "search_curves": any(any(read_routes(path).curves.values()) for path in searched),
    }
    return {name: drawers[name] for name in selection.figures(inventory) if there.get(name, True)}


def _truths(inventory: Inventory, space: str) -> list[str]:
    return [TRUTH.format(dataset=dataset, space=space) for dataset in inventory.judged[space]]


def _replace(folder: Path, source: Path) -> None:
    """Let a folder hold what another one does, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, folder)
