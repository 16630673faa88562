"""`results/published/`: the outcome of a study in a few files that can be committed.

metrics.csv.gz   every metric of every run (columns `dataset,method,variant,` + those of a run)
runs.json        what identifies each run: spec, code, commit, parameters, timings, environment, and
                 per seed the epoch whose weights were kept (a list, one epoch per model)
data/            the manifest of every dataset
routes/          the searched routes, without their curves and the scores of a ranking
claims/ tables/ figures/ exhaustive/ as the study wrote them
"""

import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtnas.files import atomic_path, read_json, write_json, write_text
from mtnas.records import concatenate, read_run

KEPT = ("spec", "simulated", "parameters", "data", "timings", "environment", "code", "git")


def publish(
    folder: str | Path,
    *,
    run_folders: Sequence[str | Path],
    routes: Sequence[str | Path],
    manifests: Sequence[str | Path],
    tables: Sequence[str | Path],
    figures: Sequence[str | Path],
    claims: Sequence[str | Path] = (),
    exhaustive: Sequence[str | Path] = (),
) -> None:
    """Write the published form of a study into `folder`, replacing what was there."""
    folder = Path(folder)
    runs = [read_run(path) for path in run_folders]
    text = concatenate(runs).to_csv(index=False, float_format="%.10g", lineterminator="\n")
    with atomic_path(folder / "metrics.csv.gz") as path:
        # No time stamp: the same metrics give the same bytes.
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    write_json(folder / "runs.json", {"/".join(run.key): _kept(run.record) for run in runs})
    copied = {"claims": claims, "tables": tables, "figures": figures, "exhaustive": exhaustive}
    for name, sources in copied.items():
        _replace(folder / name, sources)
    _clear(folder / "data")
    for source in manifests:
        record = read_json(source)
        write_json(folder / "data" / f"{record['dataset']}.json", record)
    _clear(folder / "routes")
    for source in routes:
        record = read_json(source)
        for found in record["seeds"].values():
            found.pop("curve", None)
            found.pop("scores", None)
        target = folder / "routes" / record["dataset"] / record["method"]
        write_text(target / f"{record['variant']}.json", json.dumps(record) + "\n")


def _kept(record: dict[str, Any]) -> dict[str, Any]:
    """Return what is published of a run.json: no curves, but the best epochs."""
    best: dict[str, list[int]] = {}
    for fit in record.get("fits", ()):
        best.setdefault(str(fit["seed"]), []).append(fit["best_epoch"])
    return {**{key: record.get(key) for key in KEPT}, "best_epoch": best}


def _clear(folder: Path) -> None:
    """Leave an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _replace(folder: Path, sources: Sequence[str | Path]) -> None:
    """Let a folder hold copies of `sources` and nothing else."""
    _clear(folder)
    for source in map(Path, sources):
        shutil.copyfile(source, folder / source.name)
