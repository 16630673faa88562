"""TikTok-like views: one tab-separated file, no header, 12 whole numbers a line, -1 = missing.

Planted: finish .38 and like .0075, where two scorers with the paper's AUCs and normal scores have
the paper's loss, and the paper's correlation of .030. The numbers of users, videos, authors and
pieces of music are of the order of the real file's. No broken lines: the real file has none known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from mtnas.data.simulators import base
from mtnas.data.simulators._world import (
    ITEM_SD,
    USER_SD,
    Population,
    World,
    both,
    effects,
    scaled,
    tastes,
    zipf,
)

FILE = "final_track2_train.txt"
COLUMNS = (
    *("uid", "user_city", "item_id", "author_id", "item_city", "channel", "finish", "like"),
    *("music_id", "did", "creat_time", "video_duration"),
)
ROWS = 19_622_340
USERS, ITEMS, AUTHORS, MUSIC, CITIES = 74_000, 4_100_000, 850_000, 90_000, 400
NO_CITY, NO_MUSIC = 0.15, 0.6  # shares of -1
SHARED_DEVICE = 0.05  # share of users on a device of another
CHANNELS = (0.80, 0.16, 0.02, 0.02)
RATES, PCC = (0.38, 0.0075), 0.030
LONG = 0.4  # how much less often a video is finished that is e times as long
MOMENTS = (53_055_000_000, 53_086_500_000)


@dataclass(frozen=True)
class _Attributes:
    """What a user or a video has beside its effects, by column of the file."""

    user: Mapping[str, NDArray[np.int64]]
    item: Mapping[str, NDArray[np.int64]]


class Simulator(base.Simulator):
    """Writes `final_track2_train.txt`."""

    dataset = "tiktok"

    def write(self, folder: Path, rows: int) -> base.Planted:
        """Write the file, chunk by chunk."""
        world, attributes = _world(rows)
        schema = pa.schema([(name, pa.int64()) for name in COLUMNS])
        options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
        with csv.CSVWriter(folder / FILE, schema, write_options=options) as writer:
            for n, rng in base.chunks(rows):
                drawn = world.draw(rng, n)
                columns = {
                    "uid": drawn.user,
                    "item_id": drawn.item,
                    "channel": drawn.context,
                    "finish": drawn.labels[:, 0].astype(np.int64),
                    "like": drawn.labels[:, 1].astype(np.int64),
                    **{name: values[drawn.user] for name, values in attributes.user.items()},
                    **{name: values[drawn.item] for name, values in attributes.item.items()},
                }
                writer.write_batch(pa.record_batch([columns[name] for name in COLUMNS], schema))
        return base.Planted({"t0": RATES[0], "t1": RATES[1]}, {"t0_t1": PCC}, {FILE: 0})


def _world(rows: int) -> tuple[World, _Attributes]:
    """Draw users, videos and how labels follow from them."""
    rng = base.generator()
    num_users, num_items, num_authors, num_music = (
        scaled(number, rows, ROWS) for number in (USERS, ITEMS, AUTHORS, MUSIC)
    )
    author, music = zipf(rng, num_authors, num_items), zipf(rng, num_music, num_items)
    parents = [(effects(rng, num_authors, 2), author), (effects(rng, num_music, 2), music)]
    duration = np.clip(np.exp(rng.normal(2.4, 0.5, num_items)), 2, 300).astype(np.int64)
    item_effect = ITEM_SD * effects(rng, num_items, 2, parents)
    item_effect[:, 0] -= LONG * np.log(duration / 10)
    users = Population(0.5, USER_SD * effects(rng, num_users, 2), tastes(rng, num_users))
    items = Population(0.6, item_effect, tastes(rng, num_items))
    both_rate = both(RATES, 0, 1, PCC)
    plan = ((RATES[0],), ((RATES[1] - both_rate) / (1 - RATES[0]), both_rate / RATES[0]))
    device = np.arange(num_users)
    shared = rng.random(num_users) < SHARED_DEVICE
    device[shared] = rng.integers(num_users, size=int(shared.sum()))
    attributes = _Attributes(
        {"user_city": _cities(rng, num_users), "did": device},
        {
            "author_id": author,
            "item_city": _cities(rng, num_items),
            "music_id": np.where(rng.random(num_items) < NO_MUSIC, -1, music),
            "creat_time": rng.integers(*MOMENTS, size=num_items),
            "video_duration": duration,
        },
    )
    return World(rng, users, items, plan, CHANNELS, rows=rows), attributes


def _cities(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Draw cities, some of them missing."""
    return np.where(rng.random(n) < NO_CITY, -1, zipf(rng, CITIES, n))
