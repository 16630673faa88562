"""Datasets of every kind of field and task, prepared, and trained runs as a study leaves them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtnas import methods
from mtnas.data.prepare.table import prepare
from mtnas.data.sources import load
from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.experiments.train import train
from mtnas.export.trained import Trained, read_trained
from tests.helpers.specs import spec_of

ROWS = 240
TRAINED = [name for name in methods.available() if methods.load(name).sharing is not None]
LOANS = """
title: Loans with their books
path: loans.csv
joins: {books: {path: books.csv, on: isbn}}
fields:
  reader: {type: id}
  tags: {type: list, separator: '|'}
  price: {type: numeric}
  books.genre:
  pages: {type: count, buckets: log2}
  day: {type: time, parts: [weekday]}
  cover: {type: features, path: covers.parquet, key: isbn}
tasks:
  likes: stars >= 4
  mood: {kind: multiclass, sql: mood, classes: [bad, fair, good]}
  days: {kind: regression, sql: days, unit: days}
"""
CITIES = """
title: Two cities
sources:
  oslo:
    path: oslo.csv
    fields: {age: {type: numeric}, job: }
    tasks: {pay_nok: {kind: regression, sql: pay, unit: NOK}}
  rome: {path: rome.csv, fields: {age: {type: numeric}}, tasks: {moves: moved = 'yes'}}
"""
PLAIN = """
title: Loans, plain columns alone
path: loans.csv
fields: {reader: , isbn: , tags: {type: list, separator: '|'}, price: {type: numeric}}
tasks: {likes: stars >= 4, long: days > 15}
"""
DERIVED = """
title: Loans, with fields that are computed
path: loans.csv
joins: {books: {path: books.csv, on: isbn}}
fields:
  who: {column: reader}
  cheap: {sql: price < 9}
  pages: {type: count, buckets: log2}
  size: {column: pages, type: number, buckets: [100, 300.5]}
  books.genre:
  day: {type: time, parts: [weekday]}
  price: {type: numeric}
tasks: {likes: stars >= 4, long: days > 15}
"""
TRAINING = {"epochs": 2, "patience": 2, "batch_size": 32, "embedding_dim": 3, "learning_rate": 0.02}
OPTIONS = {"mmoe": {"root_dim": 6, "hidden_dim": 6}, "mtnas": {"num_layers": 1, "num_subnets": 2}}


def write_tables(folder: Path) -> None:
    """Write the files of both datasets; one reader, 20, has a single loan, the last one."""
    random = np.random.default_rng(0)
    stars = random.integers(1, 6, ROWS).astype(object)
    stars[::4] = ""
    price = random.normal(9, 3, ROWS).round(2).astype(object)
    price[::7] = ""
    loans = {
        "reader": [*random.integers(0, 20, ROWS - 1), 20],
        "isbn": random.integers(0, 9, ROWS),
        "tags": random.choice(["a|b", "a", "b|true|a", ""], ROWS),
        "price": price,
        "pages": random.integers(20, 900, ROWS),
        "day": random.choice(["2020-01-06", "2020-01-07", "2020-01-11"], ROWS),
        "stars": stars,
        "mood": random.choice(["bad", "fair", "good"], ROWS),
        "days": random.integers(1, 30, ROWS),
    }
    pd.DataFrame(loans).to_csv(folder / "loans.csv", index=False)
    books = pd.DataFrame({"isbn": range(8), "genre": list("ccchhtth")})  # not of book 8
    books.to_csv(folder / "books.csv", index=False)
    covers = pd.DataFrame(random.normal(size=(9, 3)), columns=list("xyz"))
    covers.insert(0, "isbn", range(9))
    covers.to_parquet(folder / "covers.parquet")
    age, job = random.integers(18, 70, ROWS), random.choice(["cook", "clerk"], ROWS)
    pay = random.normal(300, 50, ROWS).round()
    pd.DataFrame({"age": age, "job": job, "pay": pay}).to_csv(folder / "oslo.csv", index=False)
    moved = random.choice(["yes", "no"], ROWS // 2)
    pd.DataFrame({"age": age[::2], "moved": moved}).to_csv(folder / "rome.csv", index=False)


def prepare_table(dataset: str) -> None:
    """Prepare a dataset below the current folder, as rule `prepare` does."""
    folder = Path("results/data") / dataset
    spec = {"dataset": dataset, "definition": load(dataset).definition}
    prepare(spec, table=folder / "table.parquet", manifest=folder / "manifest.json")


def trained_run(
    dataset: str,
    method: str,
    variant: str = "paper",
    training: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Trained:
    """Train a method below the current folder, as the rules do, and read what it left."""
    data = Path("results/data") / dataset
    job = Job(data / "table.parquet", data / "manifest.json")
    values = {
        "dataset": dataset,
        "method": method,
        "variant": variant,
        "seeds": [3, 5],
        "training": {**TRAINING, **(training or {})},
        "options": OPTIONS.get(method, {"hidden_dim": 6}),
        **changes,
    }
    given = {}
    if method == "mtnas":
        found = search(spec_of(**values, search={"steps": 8}), job)
        given["routes"] = Path("results/routes", dataset, method, "paper", "routes.json")
        found.write(routes=given["routes"], supernet=given["routes"].with_name("s.safetensors"))
        values["derive"] = "retrain"
    run = train(spec_of(**values), job, **given)
    folder = Path("results/runs", dataset, method, variant)
    run.write(
        metrics=folder / "metrics.csv",
        record=folder / "run.json",
        predictions=folder / "predictions.parquet",
        weights=folder / "model.safetensors",
    )
    return read_trained(folder)


def predictions(trained: Trained, seed: int) -> pd.DataFrame:
    """Return what the run itself predicted for the test rows of a seed, by row of the table."""
    frame = pd.read_parquet(trained.run.folder / "predictions.parquet")
    own = frame[frame["seed"] == seed].set_index("row")
    return own[[column for column in own if column.startswith("p_")]]
