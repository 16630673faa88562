"""Run a simulated study, seed by seed, and write `results.csv` and `record.json`."""

import logging
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd

from mtnas.evidence.records import Git
from mtnas.evidence.simulated_record import FIRST, LAST, Line, SimulatedStudyRecord
from mtnas.experiments import simulated
from mtnas.runtime import plugins
from mtnas.runtime.errors import TrainingError
from mtnas.runtime.files import atomic_path
from mtnas.runtime.options import Options
from mtnas.runtime.provenance import environment, git_state
from mtnas.runtime.usage import Usage
from mtnas.study.specs import SimulatedStudySpec

log = logging.getLogger(__name__)


def run(spec: SimulatedStudySpec) -> pd.DataFrame:
    """Return the tidy results of a study: a line per seed, setting and metric.

    Columns: `study`, `simulated` (true in every line), `seed`, the settings that the study names
    (`SETTINGS`; empty where one does not apply), `metric`, `value`.

    Raises:
        ConfigError: no such study, or options that it does not have.
        TrainingError: a value is not a finite number.
    """
    module = _study(spec)
    lines = [
        {"study": spec.study, "simulated": True, "seed": seed, **row}
        for seed, row in _rows(module, spec)
    ]
    return pd.DataFrame(lines, columns=[*FIRST, *module.SETTINGS, *LAST])


def write(
    spec: SimulatedStudySpec, results: str | Path, record: str | Path, code: str | None = None
) -> None:
    """Run a study; write its results (CSV) and their record (JSON), each atomically.

    `code` is a fingerprint of the program.
    """
    begin, module = time.monotonic(), _study(spec)
    table = run(spec)
    with atomic_path(results) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    SimulatedStudyRecord(
        study=spec.study,
        title=module.TITLE,
        seeds=spec.seeds,
        options=_options(module, spec).model_dump(mode="json"),
        settings=dict(module.SETTINGS),
        metrics=dict(module.METRICS),
        rows=len(table),
        seconds=time.monotonic() - begin,
        usage=Usage.now(),
        environment=environment(),
        git=Git.model_validate(git_state()),
        code=code,
    ).write(record, [results])


def _study(spec: SimulatedStudySpec) -> ModuleType:
    return plugins.load(simulated, spec.study, kind="simulated study")


def _options(module: ModuleType, spec: SimulatedStudySpec) -> Options:
    """Return all options of a study, those included that the spec does not name."""
    options: Options = module.Options.of(spec.options, f"simulated_studies.options.{spec.study}")
    return options


def _rows(module: ModuleType, spec: SimulatedStudySpec) -> Iterator[tuple[int, Line]]:
    """Yield seeds and rows: those of every seed, and what is shown of the first."""
    options = _options(module, spec)
    shown = getattr(module, "shown", lambda options, seed: ())
    for number, seed in enumerate(spec.seeds):
        yield from _checked(module, seed, module.unit(options, seed))
        if number == 0:
            yield from _checked(module, seed, shown(options, seed))
        log.info("seed %s is done, %s of %s", seed, number + 1, len(spec.seeds))


def _checked(module: ModuleType, seed: int, rows: Iterable[Line]) -> Iterator[tuple[int, Line]]:
    known = {*module.SETTINGS, *LAST}
    for row in rows:
        assert set(row) <= known, f"{module.__name__}: {sorted(set(row) - known)} not in SETTINGS"
        assert row["metric"] in module.METRICS, f"{module.__name__}: {row['metric']} not in METRICS"
        if not math.isfinite(float(row["value"])):
            raise TrainingError(f"{module.__name__}: seed {seed}: a value is not finite: {row}")
        yield seed, row
