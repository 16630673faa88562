"""A route that a user names, in words: of a search, or as JSON."""

import json
import re
from pathlib import Path

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.search_record import Block, SearchRecord
from mtnas.report.decided import decision
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.routes.tables import space_from
from mtnas.routes.text import described
from mtnas.runtime.errors import RecordError, unknown
from mtnas.runtime.files import Json
from mtnas.study.paths import DATA

EXAMPLE = (
    '{"t0": {"values": ["s1", "s2"], "query": "root"}, "t1": {"values": ["s2"], "query": "root"}}'
)


def explained_search(path: Path, seed: int | None = None) -> str:
    """Return the routes of a search as text: of one seed, or of the first and what all share.

    Raises:
        RecordError: no such seed, or the record is broken.
    """
    record = SearchRecord.read(path)
    seeds = list(record.routes)
    if seed is not None and seed not in record.routes:
        raise RecordError(f"{path}: {unknown('seed', str(seed), map(str, seeds))}")
    chosen = seeds[0] if seed is None else seed
    blocks = record.seeds[chosen].blocks
    name = "/".join(record.key)
    head = f"{name}, seed {chosen} of {len(seeds)}, found by {record.strategy}"
    parts = ["SIMULATED DATA"] * record.simulated + [head]
    notes = {n: note for n, block in blocks.items() if (note := _note(block))}
    parts += [
        described(record.routes[chosen], _tasks(record.dataset), notes),
        decision(blocks.values()),
    ]
    if seed is None and len(seeds) > 1:
        different = len({route.canonical() for route in record.routes.values()})
        parts += [
            f"The {len(seeds)} seeds found {different} different routes (--seed N shows one)."
        ]
    return "\n".join(filter(None, parts))


def explained_text(text: str) -> str:
    """Return a route that is given as JSON as text.

    Raises:
        RecordError: it is no JSON, or no route.
    """
    try:
        content = json.loads(text)
    except ValueError as problem:
        raise RecordError(f"not a route: not JSON ({problem}); such as '{EXAMPLE}'") from None
    blocks = content.get("blocks", content) if isinstance(content, dict) else None
    if not isinstance(blocks, dict) or not all(map(_reads, blocks.values())):
        raise RecordError(f"not a route: every block needs `values`, a list; such as '{EXAMPLE}'")
    try:
        space = space_from(**content["space"]) if "space" in content else _space_of(blocks)
    except TypeError as problem:
        raise RecordError(f"not a route: its `space` is none ({problem})") from None
    filled = {
        n: {"query": None if space.pooling == "mean" else "root", **b} for n, b in blocks.items()
    }
    return described(Route.from_json(space, filled))


def _reads(block: object) -> bool:
    """Whether a block says what it reads."""
    return isinstance(block, dict) and isinstance(block.get("values"), list)


def _space_of(blocks: Json) -> SearchSpace:
    """Return the smallest space that has these blocks and what they read."""
    tasks = [name for name in blocks if re.fullmatch(r"t\d+", name)]
    inner = [name for name in blocks if re.fullmatch(r"s\d+", name)]
    if not tasks or len(tasks) + len(inner) != len(blocks):
        raise RecordError(
            f"not a route: blocks are t0, t1, ... and s1, s2, ...; such as '{EXAMPLE}'"
        )
    read = [str(v) for b in blocks.values() for v in [*b.get("values", []), b.get("query")]]
    numbers = [int(n[1:]) for n in [*inner, *read] if re.fullmatch(r"s\d+", n)]
    # The first layer has no blocks, and all layers have as many sub-networks.
    width = max(numbers, default=1) if not inner else min(int(n[1:]) for n in inner) - 1
    return SearchSpace(len(inner) // max(width, 1) + 1, max(width, 1), len(tasks))


def _tasks(dataset: str) -> list[str] | None:
    """Name the tasks of a dataset that was prepared here."""
    path = Path(DATA.format(dataset=dataset), "manifest.json")
    return [task.name for task in Manifest.read(path).tasks] if path.is_file() else None


def _note(block: Block) -> str:
    """Say how sure a search was of a block."""
    if block.probability is None:
        return ""
    return f"[probability {block.probability:.3g}]"
