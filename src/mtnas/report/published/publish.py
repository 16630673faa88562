"""Publish a study: merge it into `results/published/` (`store`), then rebuild what stands there.

A run replaces the published run of the same dataset, method and variant; all others stay. The same
holds for routes, manifests, audits, grid searches, spaces of exhaustive tables, scores of subsets
of tasks, simulated studies, and diagnoses.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mtnas.config.options import RunKey
from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.exhaustive_table import GroundTruth, read_ground_truth
from mtnas.evidence.records import Fit, Run, RunRecord, read_run
from mtnas.evidence.search_record import SearchRecord
from mtnas.evidence.subsets_record import SubsetsRecord
from mtnas.report.published import diagnoses as published_diagnoses
from mtnas.report.published import simulated_results, subset_scores
from mtnas.report.published.plans import in_order, is_named, merged, without
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
from mtnas.runtime.errors import RecordError, unknown
from mtnas.runtime.files import Json, read_json, write_json, write_text
from mtnas.study.grids import replaced
from mtnas.study.plan import Plan, named

Trained = RunRecord | SubsetsRecord
DIGITS = 6  # of curves, which are drawn and never computed with


def publish(
    folder: str | Path,
    *,
    plan: Json,
    command: str,
    run_folders: Sequence[str | Path],
    routes: Sequence[str | Path],
    manifests: Sequence[str | Path],
    audits: Sequence[str | Path] = (),
    tuning: Sequence[str | Path] = (),
    exhaustive: Sequence[str | Path] = (),
    subsets: Sequence[str | Path] = (),
    simulated_studies: Sequence[str | Path] = (),
    diagnoses: Sequence[str | Path] = (),
    subgraphs: str | Path | None = None,
    specs: Mapping[str, Json] | None = None,
) -> None:
    """Merge a study into `folder`, and rebuild.

    `command` is what publishes the study; `tuning`, `subsets` and `simulated_studies` name folders,
    `audits` and `diagnoses` JSON files; `specs` says what the study asks of its runs, of its
    subsets of tasks and of its simulated studies, by their names.

    Raises:
        RecordError: a file of the study is broken, a run is of another study, or a published run
            that would stay was measured on other data and cannot be compared with this one's.
    """
    folder = Path(folder)
    old, kept = _standing(folder)
    new = {run.key: _published(run, command) for run in map(read_run, run_folders)}
    divided = [subset_scores.read_new(path, command) for path in subsets]
    planted = [simulated_results.read_new(path, command, specs) for path in simulated_studies]
    data = {path: Manifest.read(path) for path in map(Path, manifests)}
    _check(
        {**_records(new), **{subset_scores.name_of(record): record for _, record in divided}},
        {**_records(kept), **subset_scores.read_records(folder)},
        data.values(),
        specs or {},
    )
    both = merged(old, Plan.from_json(plan))
    _write(folder, both, {**kept, **new})
    _publish_data(folder, data, audits)
    _publish_tuning(folder, map(Path, tuning))
    for found in routes:
        _publish_routes(folder, found, drawn=both.main_searches)
    for path in map(Path, exhaustive):
        _publish_spaces(folder / "exhaustive" / path.name, read_ground_truth(path), command)
    for scores, record in divided:
        subset_scores.write(folder, scores, record)
    for results, told in planted:
        simulated_results.write(folder, results, told)
    published_diagnoses.publish(folder, diagnoses)
    if subgraphs is not None:
        write_json(folder / "claims" / Path(subgraphs).name, read_json(subgraphs, ("checks",)))
    _prune(folder)
    rebuild(folder)


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
    specs: Mapping[str, Json],
) -> None:
    """Refuse runs of another study, and data on which the runs that stay were not measured."""
    for name, record in new.items():
        _check_asked(name, record, specs.get(name))
    staying = {name: record for name, record in kept.items() if name not in new}
    for record in new.values():
        facts = record.data
        check_same_data(staying, record.spec.dataset, facts.content_sha256, record.splits)
    for manifest in data:
        check_same_data(staying, manifest.dataset, manifest.content_sha256, None)


def _publish_data(
    folder: Path, data: Mapping[Path, Manifest], audits: Sequence[str | Path]
) -> None:
    """Copy what tells of the prepared data: manifests, by their files, and audits."""
    for path, manifest in data.items():
        write_text(folder / "data" / f"{manifest.dataset}.json", path.read_text("utf-8"))
    for path in map(Path, audits):
        write_json(folder / "audit" / path.name, read_json(path))


def _publish_tuning(folder: Path, tuning: Iterable[Path]) -> None:
    """Copy the files of grid searches."""
    for source in tuning:
        target = folder / "tuning" / Path(*source.parts[-3:])
        target.mkdir(parents=True, exist_ok=True)
        for name in ("trials.csv", "best.json"):
            shutil.copyfile(source / name, target / name)


def unpublish(folder: str | Path, names: Iterable[str]) -> None:
    """Take datasets, runs, scores of subsets or simulated studies out of `folder`, and rebuild.

    Their names are such as `insteval`, `insteval/mtnas/plus`, `subsets/pairs/gss/mmoe/paper`,
    `simulated_studies/covariance`.
    """
    folder = Path(folder)
    plan, runs = read_plan(folder), read_runs(folder)
    known = [*plan.datasets, *("/".join(key) for key in runs), *subset_scores.names_in(plan)]
    known += simulated_results.names_in(plan)
    for name in names:
        if name not in known:
            raise RecordError(unknown("published dataset or run", name, known, str(folder)))
        plan = without(plan, name)
        runs = {key: run for key, run in runs.items() if not is_named(key, name)}
    _write(folder, plan, runs)
    _prune(folder)
    rebuild(folder)


def _check_asked(name: str, record: Trained, spec: Json | None) -> None:
    """Refuse a run that was made for another study, as `--rerun-triggers mtime` may leave it.

    `spec` is what this study asks for. What a grid search chose stands in the record for the values
    that were asked for; the record keeps those, too.
    """
    made, asked = record.spec.model_dump(mode="json"), json.loads(json.dumps(spec or {}))
    ours = made.pop("tuned") or {}
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


def _publish_routes(folder: Path, path: str | Path, drawn: Sequence[RunKey]) -> None:
    """Copy the routes of a search, with its curves if they are `drawn`."""
    record = SearchRecord.read(path)
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


def _publish_spaces(path: Path, new: GroundTruth, command: str) -> None:
    """Put the spaces of an exhaustive table into the published one."""
    named = {
        name: record.model_copy(update={"study": command}) for name, record in new.records.items()
    }
    new = GroundTruth(new.frame, named)
    old = by_space(read_ground_truth(path)) if path.is_file() else {}
    write_spaces(path, {**old, **by_space(new)})


def _write(folder: Path, plan: Plan, runs: Mapping[RunKey, PublishedRun]) -> None:
    write_runs(folder, {key: runs[key] for key in in_order(runs, plan.datasets, plan.variants)})
    write_plan(folder, plan)


def _prune(folder: Path) -> None:
    """Remove what belongs to no published run, dataset or space any more."""
    plan, runs = read_plan(folder), read_runs(folder)
    searches = {*plan.searches_of(plan.runs), *plan.judged_runs(by_run=False)}
    for path in (folder / "routes").glob("*/*/*.json"):
        if (*path.parts[-3:-1], path.stem) not in searches:
            path.unlink()
    for path in (folder / "tuning").glob("*/*/*/best.json"):
        run = runs.get(named("/".join(path.parts[-4:-1])))
        if run is None or not run.record.spec.tuned:
            shutil.rmtree(path.parent)
    subset_scores.prune(folder, plan)
    simulated_results.prune(folder, plan)
    published_diagnoses.prune(folder, plan)
    for part in ("data", "audit"):
        for path in (folder / part).glob("*.json"):
            if path.stem not in plan.datasets:
                path.unlink()
    for path in (folder / "exhaustive").glob("*.parquet"):
        spaces = by_space(read_ground_truth(path))
        judged = {s: t for s, t in spaces.items() if path.stem in plan.judged.get(s, {})}
        if not judged:
            path.unlink()
        elif judged.keys() != spaces.keys():
            write_spaces(path, judged)
