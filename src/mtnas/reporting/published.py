"""`results/published/`: the outcome of a study in a few files that can be committed.

metrics.csv.gz   every metric of every run (columns `dataset,method,variant,` + those of a run)
runs.json        what identifies each run: spec, code, parameters, timings, environment
data/            the manifest of every dataset
routes/          the searched routes, without their curves
tables/ figures/ as the study wrote them
"""

import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from mtnas.files import atomic_path, read_json, write_json, write_text
from mtnas.records import concatenate, read_run

KEPT = ("spec", "simulated", "parameters", "data", "timings", "environment", "code")


def publish(
    folder: str | Path,
    *,
    run_folders: Sequence[str | Path],
    routes: Sequence[str | Path],
    manifests: Sequence[str | Path],
    tables: Sequence[str | Path],
    figures: Sequence[str | Path],
) -> None:
    """Write the published form of a study into `folder`, replacing what was there."""
    folder = Path(folder)
    runs = [read_run(path) for path in run_folders]
    text = concatenate(runs).to_csv(index=False, float_format="%.10g", lineterminator="\n")
    with atomic_path(folder / "metrics.csv.gz") as path:
        # No time stamp: the same metrics give the same bytes.
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    records = {"/".join(run.key): {k: run.record.get(k) for k in KEPT} for run in runs}
    write_json(folder / "runs.json", records)
    for name, sources in (("tables", tables), ("figures", figures)):
        _replace(folder / name, sources)
    for source in manifests:
        record = read_json(source)
        write_json(folder / "data" / f"{record['dataset']}.json", record)
    for source in routes:
        record = read_json(source)
        for found in record["seeds"].values():
            found.pop("curve", None)
        target = folder / "routes" / record["dataset"] / record["method"]
        write_text(target / f"{record['variant']}.json", json.dumps(record) + "\n")


def _replace(folder: Path, sources: Sequence[str | Path]) -> None:
    """Let a folder hold copies of `sources` and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in map(Path, sources):
        shutil.copyfile(source, folder / source.name)
