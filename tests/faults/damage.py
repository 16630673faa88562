"""Damage to the files of a finished study: cut, emptied, one bit, one value, gone."""

import random
import re
from collections.abc import Callable
from pathlib import Path

from tests.faults.scene import Scene

Damage = Callable[[Path, random.Random], None]
NUMBER = re.compile(r"-?\d+\.\d+")


def cut(path: Path, drawn: random.Random) -> None:
    """Lose the end, as a full disk does."""
    path.write_bytes(path.read_bytes()[: drawn.randrange(path.stat().st_size)])


def zeros(path: Path, _: random.Random) -> None:
    """Keep the length and no content, as a power cut does."""
    path.write_bytes(bytes(path.stat().st_size))


def empty(path: Path, _: random.Random) -> None:
    """Keep the name alone."""
    path.write_bytes(b"")


def bit(path: Path, drawn: random.Random) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    path.write_bytes(content)


def gone(path: Path, _: random.Random) -> None:
    """Lose the file."""
    path.unlink()


def digit(path: Path, drawn: random.Random) -> None:
    """Type another digit, as a person does."""
    text = path.read_text(encoding="utf-8")
    place = drawn.choice([i for i, sign in enumerate(text) if sign.isdecimal()])
    path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :], "utf-8")


def no_number(path: Path, drawn: random.Random) -> None:
    """Put NaN or infinity where a number is."""
    text = path.read_text(encoding="utf-8")
    place = drawn.choice([*NUMBER.finditer(text)])
    value = drawn.choice(["NaN", "Infinity", "-Infinity", "1e999"])
    path.write_text(text[: place.start()] + value + text[place.end() :], "utf-8")


def of_file(file: str, damage: Damage) -> Callable[[Scene], tuple[str, bool]]:
    """Damage a file of a finished study; `mtnas verify` has to name it.

    What is gone, and others are made from, Snakemake notices by itself.
    """

    def disturb(scene: Scene) -> tuple[str, bool]:
        scene.copy()
        path = scene.results / file
        before = path.read_bytes()
        damage(path, scene.drawn)
        changed = not path.exists() or path.read_bytes() != before
        if damage is gone:
            return "finished", changed
        scene.named = scene.wrong()
        return "finished", changed and f"results/{file}" in scene.named

    return disturb


BYTES: dict[str, Damage] = {
    "cut": cut, "emptied": empty, "zeros": zeros, "one bit": bit, "gone": gone,
}  # fmt: skip
TEXTS = BYTES | {"one digit": digit, "no number": no_number}
RUN, ROUTES, DATA = "runs/insteval/mmoe/paper", "routes/insteval/mtnas/paper", "data/insteval"
STUDIES = "simulated_studies/demonstration"
FILES = {
    f"{RUN}/metrics.csv": TEXTS,
    f"{RUN}/run.json": TEXTS,
    f"{RUN}/predictions.parquet": BYTES,
    f"{RUN}/model.safetensors": BYTES,
    f"{ROUTES}/routes.json": TEXTS,
    f"{ROUTES}/supernet.safetensors": BYTES,
    f"{DATA}/manifest.json": TEXTS,
    f"{DATA}/table.parquet": BYTES,
    f"{DATA}/table.ids.npy": BYTES,
    f"{DATA}/table.vocabulary.parquet": BYTES,
    "audit/insteval.json": TEXTS,
    "claims/subgraphs.json": TEXTS,
    f"{STUDIES}/record.json": TEXTS,
    f"{STUDIES}/results.csv": TEXTS,
}
