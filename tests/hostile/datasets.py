"""Hostile datasets: their YAML files, and the tables that these name, prepared as a job would."""

# ruff: noqa: E501

import copy
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from mtnas.data.prepare.table import prepare
from mtnas.runtime import plugins
from tests.hostile.cage import Case
from tests.hostile.values import COMMANDS, PATHS, SNIPPETS, TEXTS, as_text, changed, garbled

KIND = "dataset files"
ROWS = [
    {"user": f"u{i % 7}", "item": i % 5, "rating": i % 5 + 1, "when": f"2024-0{1 + i % 9}-11 10:30",
     "tags": "a|b", "note": f"word {i}", "fold": i % 4}
    for i in range(40)
]  # fmt: skip
CSV = pd.DataFrame(ROWS).to_csv(index=False)
JSONL = pd.DataFrame(ROWS).to_json(orient="records", lines=True)
JOINED = "item,year\n" + "".join(f"{i},{1990 + i}\n" for i in range(5))
EXPRESSIONS = [
    "random() > 0.5", "now() > '2024'", "avg(rating) > 3", "(SELECT 1)", "rating IN (SELECT 1)",
    "read_text('/etc/passwd') = 'x'", "getenv('HOME') = 'x'", "rating > 3; DROP TABLE x",
    "rating > 3 UNION SELECT 1", "rating OVER () > 1", "repeat('x', 1000000000) = 'x'",
    "list_sum(range(1000000000000)) > 1", "regexp_matches(note, '(a+)+$')", "1/0 > 1", "rating[1] > 0",
    "rating::STRUCT(a INT) IS NULL", "CAST(note AS INTEGER) > 1", "'x' || rating = 'y'", "*", "", ";",
    "COPY x TO '../pwned'", "ATTACH '../pwned'", "rating > 3 --", "$1 > 1", "? > 1", ":x > 1", "{x} > 1",
    "(" * 5000, "NOT " * 3000 + "rating > 1", "rating" + " + 1" * 3000 + " > 1", "x -> x > 1",
    "list_transform([1], x -> x) = [1]", "pg_sleep(9)", "rating > 9" + "9" * 5000, "\"no such\" > 1",
    "current_setting('home_directory') = ''", "nextval('x') > 1", "setseed(1)", "txid_current() > 1",
]  # fmt: skip
BASES: list[dict[str, Any]] = [
    {"path": "x.csv", "fields": ["user", "item"], "tasks": {"likes": "rating >= 4"}},
    {
        "title": "Toys", "path": "x.csv",
        "fields": {
            "user": {"type": "id"}, "item": None, "note": {"type": "list", "separator": " "},
            "when": {"type": "time", "parts": ["weekday", "hour"], "time_format": "%Y-%m-%d %H:%M"},
            "size": {"column": "fold", "type": "count", "buckets": [1, 2]},
        },
        "tasks": {
            "likes": "rating >= 4",
            "stars": {"kind": "regression", "sql": "rating", "unit": "stars"},
            "tag": {"kind": "multiclass", "sql": "fold", "classes": ["0", "1", "2"]},
        },
        "split": {"time": "when", "ratios": [0.6, 0.2, 0.2]}, "missing": ["NA", "?"],
        "delimiter": ",", "encoding": "utf-8", "allow_lost": 0.5,
    },
    {
        "path": "x.csv", "joins": {"items": {"path": "y.csv", "on": "item"}},
        "fields": {"user": None, "items.year": {"type": "numeric"}, "old": {"sql": "items.year < 1992"}},
        "tasks": {"likes": "rating >= 4"}, "split": {"column": "fold", "train": [0, 1], "valid": 2, "test": 3},
        "group": "lower(note)", "num_features": 1000,
    },
    {
        "sources": {
            "a": {"path": "x.csv", "fields": {"user": None}, "tasks": {"likes": "rating >= 4"}},
            "b": {"path": "x.jsonl", "fields": {"user": None}, "tasks": {"good": "rating > 2"}, "loss_weight": 2},
        },
        "split": [0.6, 0.2, 0.2],
    },
]  # fmt: skip


def cases(seed: int, number: int) -> Iterator[Case]:
    """Yield cases: every expression and path, changed and garbled files, hostile tables."""
    die = random.Random(f"{KIND} {seed}")
    made = [*_by_hand()]
    while len(made) < number:
        table = CSV.encode()
        if die.random() < 0.35:
            text, table = as_text(die.choice(BASES[:3])), hostile_table(die)
        else:
            document: Any = copy.deepcopy(die.choice(BASES))
            for _ in range(die.choice([1, 1, 2, 3])):
                document = changed(document, die)
            try:
                text = as_text(document)
            except Exception:  # not every value can be written as YAML
                continue
            text = garbled(text, die) if die.random() < 0.3 else text
        made.append((text, table))
    for place, (text, table) in enumerate(made[:number]):
        name = f"{place}: {text}" + ("" if table == CSV.encode() else f" {table!r}")
        yield Case(KIND, name, lambda folder, text=text, table=table: read(folder, text, table))


def _by_hand() -> Iterator[tuple[str, bytes]]:
    plain, table = BASES[0], CSV.encode()
    for sql in [*EXPRESSIONS, *COMMANDS]:
        yield as_text({**plain, "tasks": {"likes": sql}}), table
        yield as_text({**plain, "fields": {"user": {"sql": sql}}}), table
    for path in PATHS:
        yield as_text({**plain, "path": path}), table
    for text in TEXTS:
        yield as_text({**plain, "tasks": {text: "rating >= 4"}, "title": text}), table
        yield as_text({**plain, "missing": [text], "delimiter": text}), table
    for snippet in SNIPPETS:
        yield f"{as_text(plain)}missing: {snippet}\n", table


def hostile_table(die: random.Random) -> bytes:
    """Return a table with cells, lines or bytes that no table should have."""
    lines = CSV.splitlines(keepends=True)
    for _ in range(die.choice([1, 3, 10])):
        cells = lines[at := die.randrange(len(lines))].rstrip("\n").split(",")
        cells[die.randrange(len(cells))] = die.choice(
            [*TEXTS, *COMMANDS, "9" * 5000, '"', '""', '"a', "1e999", "-"]
        )
        lines[at] = ",".join(cells) + die.choice(["\n", "\n", "\r", "\r\n", "\n\n", ""])
    content = io.BytesIO("".join(lines).encode("utf-8", "surrogatepass")).getvalue()
    if die.random() < 0.5:
        changed = bytearray(content)
        for _ in range(die.choice([1, 5, 50])):
            changed[die.randrange(len(changed))] = die.randrange(256)
        content = bytes(changed)
    if die.random() < 0.1:
        content = (
            die.choice([b"", b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xff\xfe", b"\xef\xbb\xbf"])
            + content
        )
    return content[: die.randrange(len(content) + 1)] if die.random() < 0.1 else content


def read(folder: Path, text: str, table: bytes) -> None:
    """Prepare the dataset `mine` that a text declares."""
    (folder / "datasets").mkdir()
    plugins.DECLARED = folder / "datasets"
    (folder / "datasets" / "mine.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    for name, content in {
        "x.csv": table,
        "x.jsonl": JSONL.encode(),
        "y.csv": JOINED.encode(),
    }.items():
        (folder / name).write_bytes(content)
    prepare({"dataset": "mine"}, table=folder / "t.parquet", manifest=folder / "t.json")
