"""What is published and belongs to nothing any more."""

import shutil
from pathlib import Path

from mtnas.evidence.exhaustive_table import read_ground_truth
from mtnas.report.published import diagnoses, packed
from mtnas.report.published.store import by_space, read_plan, read_runs, write_spaces
from mtnas.study.plan import named


def prune(folder: Path) -> None:
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
    packed.prune(folder, plan)
    diagnoses.prune(folder, plan)
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
