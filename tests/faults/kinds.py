"""What is disturbed: files of a finished study that change, and runs that are ended half way."""

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Damage = Callable[[Path, random.Random], None]


def cut(path: Path, drawn: random.Random) -> None:
    """Lose the end, as a full disk does."""
    path.write_bytes(path.read_bytes()[: drawn.randrange(path.stat().st_size)])


def zeros(path: Path, _: random.Random) -> None:
    """Keep the length and no content, as a power cut does."""
    path.write_bytes(bytes(path.stat().st_size))


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


DAMAGES: dict[str, Damage] = {f.__name__: f for f in (cut, zeros, bit, gone)}
TEXTS = {"digit": digit}
RUN, ROUTES, DATA = "runs/insteval/mmoe/paper", "routes/insteval/mtnas/paper", "data/insteval"
FILES = {
    f"{RUN}/metrics.csv": DAMAGES | TEXTS,
    f"{RUN}/run.json": DAMAGES | TEXTS,
    f"{RUN}/predictions.parquet": DAMAGES,
    f"{RUN}/model.safetensors": DAMAGES,
    f"{ROUTES}/routes.json": DAMAGES | TEXTS,
    f"{ROUTES}/supernet.safetensors": DAMAGES,
    f"{DATA}/manifest.json": DAMAGES | TEXTS,
    f"{DATA}/table.parquet": DAMAGES,
    f"{DATA}/table.ids.npy": DAMAGES,
}
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)


@dataclass(frozen=True)
class Kind:
    """One disturbance: of a file of a finished study, or of the whole workflow while it runs."""

    name: str
    file: str = ""
    damage: Damage | None = None
    sent: signal.Signals | None = None


KINDS = [
    *(
        Kind(f"{how} {file}", file, damage)
        for file, hows in FILES.items()
        for how, damage in hows.items()
    ),
    *(Kind(f"{number.name} of the workflow", sent=number) for number in SIGNALS),
]
