"""Hostile configurations: overlays, read as `mtnas run` and the rules read them."""

# ruff: noqa: E501

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtnas import study as studies
from mtnas.config.files import read_overlay
from mtnas.config.layers import merged
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study import raw_files
from mtnas.study.plan import plan_of
from tests.helpers.studies import GRID, STUDY, SYNTHETIC
from tests.hostile.cage import Case
from tests.hostile.values import SNIPPETS, as_text, changed, garbled

KIND = "configurations"
DEFAULT = REPOSITORY / "config" / "config.yaml"
MOST_RUNS = 20  # of a study, whose jobs are described
BASES = (
    "test",
    "synthetic",
    "search_study",
    "many_tasks",
    "tuned",
    "figure1",
    "diagnose",
    "transfer",
)


def cases(seed: int, number: int) -> Iterator[Case]:
    """Yield cases: every snippet by itself and below a key, then changed and garbled studies."""
    texts = [
        text
        for snippet in SNIPPETS
        for text in (
            snippet,
            f"seeds: {snippet}",
            f"datasets: [insteval]\ntraining:\n  epochs: {snippet}\n",
        )
    ]
    written = [STUDY, SYNTHETIC, {**STUDY, "tuning": GRID}]
    written += [read_overlay(REPOSITORY / "config" / f"{name}.yaml") for name in BASES]
    die = random.Random(f"{KIND} {seed}")
    while len(texts) < number:
        document: Any = copy.deepcopy(die.choice(written))
        for _ in range(die.choice([1, 1, 2, 3])):
            document = changed(document, die)
        try:
            text = as_text(document)
        except Exception:  # not every value can be written as YAML
            continue
        texts.append(garbled(text, die) if die.random() < 0.4 else text)
    for place, text in enumerate(texts[:number]):
        yield Case(KIND, f"{place}: {text}", lambda folder, text=text: read(folder, text))


def read(folder: Path, text: str) -> None:
    """Read a study, plan it, and describe some of its jobs."""
    overlay = folder / "overlay.yaml"
    overlay.write_bytes(text.encode("utf-8", "surrogatepass"))
    whole = merged(read_overlay(DEFAULT), read_overlay(overlay))
    study = studies.load(whole, [DEFAULT, overlay])
    for name in study.datasets:
        raw_files.raw_files(study, name)
    plan_of(study).to_json()
    for run in study.all_runs[:MOST_RUNS]:
        studies.run_spec(study, *run).model_dump(mode="json")
