"""Publish a study: merge it into `results/published/` (`store`), then rebuild what stands there.

A run replaces the published run of the same dataset, method and variant; all others stay. The same
holds for routes, manifests, audits, grid searches, spaces of exhaustive tables, scores of subsets
of tasks, simulated studies, and diagnoses.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

import pandas as pd

from mtnas.config.options import RunKey
from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.exhaustive_table import GroundTruth, read_ground_truth
from mtnas.evidence.records import Fit, Run, RunRecord, read_run
from mtnas.evidence.search_record import SearchRecord
from mtnas.evidence.simulated_record import SimulatedStudyRecord
from mtnas.evidence.subsets_record import SubsetsRecord
from mtnas.report.exhibits.search_steps import followed
from mtnas.report.published import diagnoses, packed
from mtnas.report.published.plans import in_order, is_named, merged, without
from mtnas.report.published.pruned import prune
from mtnas.report.published.rebuild import rebuild
from mtnas.report.published.store import (
    PublishedRun,
    by_space,
    read_plan,
    read_runs,
    write_plan,
    write_runs,
    write_spaces,
)
from mtnas.report.published.whole import changing
from mtnas.runtime.errors import RecordError, unknown
from mtnas.runtime.files import Json, read_sealed, write_json, write_text
from mtnas.study.grids import replaced
from mtnas.study.plan import Plan

Trained = RunRecord | SubsetsRecord
Paths = Sequence[str | Path]
DIGITS = 6  # of curves, which are drawn and never computed with


class StudyFiles(TypedDict):
    """What a study left: folders of runs, grid searches, subsets, simulated studies; else files."""

    run_folders: Paths
    routes: Paths
    manifests: Paths
    audits: NotRequired[Paths]
    tuning: NotRequired[Paths]
    exhaustive: NotRequired[Paths]
    subsets: NotRequired[Paths]
    simulated_studies: NotRequired[Paths]
    diagnoses: NotRequired[Paths]
    subgraphs: NotRequired[str | Path | None]


def publish(
    folder: str | Path,
    *,
    plan: Json,
    command: str,
    specs: Mapping[str, Json] | None = None,
    **study: Unpack[StudyFiles],
) -> None:
    """Merge a study into `folder`, and rebuild.

    `command` is what publishes the study; `specs` says what it asks of its runs, of its subsets of
    tasks and of its simulated studies, by their names.

    Raises:
        RecordError: a file of the study is broken, a run is of another study, or a published run
            that would stay was measured on other data and cannot be compared with this one's.
    """
    with changing(Path(folder)) as copy:
        _merge(copy, plan=plan, command=command, specs=specs or {}, **study)


def _merge(
    folder: Path,
    *,
    plan: Json,
    command: str,
    specs: Mapping[str, Json],
    **study: Unpack[StudyFiles],
) -> None:
    old, kept = _standing(folder)
    new = {run.key: _published(run, command) for run in map(read_run, study["run_folders"])}
    divided = [packed.read_scores(path, command) for path in study.get("subsets", ())]
    planted = [packed.read_planted(path, command) for path in study.get("simulated_studies", ())]
    data = {path: Manifest.read(path) for path in map(Path, study["manifests"])}
    records = _records(new) | {own.name: own.record for own in divided}
    standing = _records(kept) | packed.read_records(folder)
    for name, record in {**records, **{own.name: own.record for own in planted}}.items():
        _check_asked(name, record, specs.get(name))
    _check(records, standing, data.values())
    both = merged(old, Plan.from_json(plan))
    _write(folder, both, {**kept, **new})
    _publish_data(folder, data, study.get("audits", ()))
    _publish_routes(folder, study["routes"], drawn=[*both.main_searches, *followed(both)])
    for scores in divided:
        packed.write(folder, scores)
    for results in planted:
        packed.write(folder, results)
    _publish_others(folder, command, **study)
    prune(folder)
    rebuild(folder)


def _publish_others(folder: Path, command: str, **study: Unpack[StudyFiles]) -> None:
    """Publish exhaustive tables, grid searches, diagnoses, how far methods are from routes."""
    _publish_spaces(folder, study.get("exhaustive", ()), command)
    for source in map(Path, study.get("tuning", ())):
        target = folder / "tuning" / Path(*source.parts[-3:])
        target.mkdir(parents=True, exist_ok=True)
        for name in ("trials.csv", "best.json"):
            shutil.copyfile(source / name, target / name)
    diagnoses.publish(folder, study.get("diagnoses", ()))
    if (subgraphs := study.get("subgraphs")) is not None:
        write_json(folder / "claims" / Path(subgraphs).name, read_sealed(subgraphs, ("checks",)))


def _standing(folder: Path) -> tuple[Plan, dict[RunKey, PublishedRun]]:
    """Return what is published so far."""
    published = (folder / "inventory.json").is_file()
    return (read_plan(folder), read_runs(folder)) if published else (Plan(), {})


def _records(runs: Mapping[RunKey, PublishedRun]) -> dict[str, Trained]:
    return {"/".join(key): run.record for key, run in runs.items()}


def _check(
    new: Mapping[str, Trained],
    kept: Mapping[str, Trained],
    data: Iterable[Manifest],
) -> None:
    """Refuse data on which the runs that stay were not measured.

    Runs that leave training rows out have other splits than those that keep them.
    """
    staying = {name: record for name, record in kept.items() if name not in new}
    for record in new.values():
        told, content = record.spec, record.data.content_sha256
        rows = told.trained.rows
        alike = {name: old for name, old in staying.items() if old.spec.trained.rows == rows}
        check_same_data(staying, told.dataset, content, None)
        check_same_data(alike, told.dataset, content, record.splits)
    for manifest in data:
        check_same_data(staying, manifest.dataset, manifest.content_sha256, None)


def _publish_data(folder: Path, data: Mapping[Path, Manifest], audits: Paths) -> None:
    """Copy what tells of the prepared data: manifests, by their files, and audits."""
    for path, manifest in data.items():
        write_text(folder / "data" / f"{manifest.dataset}.json", path.read_text("utf-8"))
    for path in map(Path, audits):
        write_json(folder / "audit" / path.name, read_sealed(path))


def unpublish(folder: str | Path, names: Iterable[str]) -> None:
    """Take datasets, runs, scores of subsets or simulated studies out of `folder`, and rebuild.

    Their names are such as `insteval`, `insteval/mtnas/plus`, `subsets/pairs/gss/mmoe/paper`,
    `simulated_studies/covariance`.
    """
    with changing(Path(folder)) as copy:
        _take_out(copy, names)


def _take_out(folder: Path, names: Iterable[str]) -> None:
    plan, runs = read_plan(folder), read_runs(folder)
    known = [*plan.datasets, *("/".join(key) for key in runs), *packed.names_in(plan)]
    for name in names:
        if name not in known:
            raise RecordError(unknown("published dataset or run", name, known, str(folder)))
        plan = without(plan, name)
        runs = {key: run for key, run in runs.items() if not is_named(key, name)}
    _write(folder, plan, runs)
    prune(folder)
    rebuild(folder)


def _check_asked(name: str, record: Trained | SimulatedStudyRecord, spec: Json | None) -> None:
    """Refuse a run that was made for another study, as `--rerun-triggers mtime` may leave it.

    `spec` is what this study asks for. What a grid search chose stands in the record for the values
    that were asked for; the record keeps those, too.
    """
    told = record if isinstance(record, SimulatedStudyRecord) else record.spec
    made, asked = told.model_dump(mode="json"), json.loads(json.dumps(spec or {}))
    ours = made.pop("tuned", None) or {}
    for option, found in ours.items():
        made = replaced(made, {option: found["instead_of"]})
    others = [key for key, value in asked.items() if made.get(key, value) != value]
    if others:
        folder = f"results/{'runs/' * isinstance(record, RunRecord)}{name}"
        raise RecordError(
            f"{folder}: made with other {', '.join(others)} than this study has; run "
            "the study again without `--rerun-triggers`, or delete that folder first"
        )


def check_same_data(
    staying: Mapping[str, Trained],
    dataset: str,
    content: str,
    splits: Mapping[int, str] | None,
) -> None:
    """Refuse published runs of a dataset whose table or splits are not those of a new record.

    `content` is the digest of its table. `splits` are those of the seeds of a run; None for a
    manifest, which has none.
    """
    others = [
        name
        for name, old in staying.items()
        if old.spec.dataset == dataset
        and (
            old.data.content_sha256 != content
            or (splits is not None and _other_splits(old.splits, splits))
        )
    ]
    if others:
        names = " ".join(others)
        raise RecordError(
            f"this study has another table or other splits of {dataset} than the "
            f"published {names}, so they cannot be compared. Publish these again, too, or take "
            f"them out: `.venv/bin/python -m mtnas unpublish {names}`"
        )


def _other_splits(splits: Mapping[int, str], more: Mapping[int, str]) -> bool:
    """Whether a seed has two splits; a run without any is not known to have the same."""
    differ = any(splits[seed] != more[seed] for seed in splits.keys() & more)
    return differ or bool(splits) != bool(more)


def _published(run: Run, command: str) -> PublishedRun:
    """Return what is published of a run: all of it, but of curves a few digits."""
    metrics = pd.read_csv(run.folder / "metrics.csv", dtype=str, keep_default_na=False)
    fits = [Fit(**rounded(fit.model_dump(mode="json"))) for fit in run.record.fits]
    record = run.record.model_copy(update={"fits": tuple(fits), "study": command})
    return PublishedRun(metrics, record)


def rounded(value: Any) -> Any:
    """Return JSON data with `DIGITS` significant digits of every number."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(rounded(item) for item in value)
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _publish_routes(folder: Path, routes: Paths, drawn: Sequence[RunKey]) -> None:
    """Copy the routes of searches, with their curves if they are `drawn`."""
    for record in map(SearchRecord.read, routes):
        shown = record.key in drawn
        seeds = {
            seed: found.model_copy(
                update={"scores": {}, "curve": rounded(found.curve) if shown else {}}
            )
            for seed, found in record.seeds.items()
        }
        text = json.dumps(record.model_copy(update={"seeds": seeds}).sealed())
        *folders, name = record.key
        write_text(folder / "routes" / Path(*folders) / f"{name}.json", f"{text}\n")


def _publish_spaces(folder: Path, tables: Paths, command: str) -> None:
    """Put the spaces of exhaustive tables into the published ones."""
    for table in map(Path, tables):
        path, new = folder / "exhaustive" / table.name, read_ground_truth(table)
        told = {
            name: record.model_copy(update={"study": command})
            for name, record in new.records.items()
        }
        old = by_space(read_ground_truth(path)) if path.is_file() else {}
        write_spaces(path, {**old, **by_space(GroundTruth(new.frame, told))})


def _write(folder: Path, plan: Plan, runs: Mapping[RunKey, PublishedRun]) -> None:
    write_runs(folder, {key: runs[key] for key in in_order(runs, plan.datasets, plan.variants)})
    write_plan(folder, plan)
