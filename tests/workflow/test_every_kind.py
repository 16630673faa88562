"""Own tables of every kind in the real workflow, from the raw files to the report."""

import re

import numpy as np
import pandas as pd
import pytest

from mtnas.runtime.files import read_json

pytestmark = pytest.mark.slow

ROWS = 240
METHODS = ("share_bottom", "single_task")
LOANS = """
title: Loans with their books
path: loans.csv
joins: {books: {path: books.csv, on: isbn}}
fields:
  reader: {type: id}
  tags: {type: list, separator: '|'}
  price: {type: numeric}
  books.genre:
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
STUDY = """
seeds: 2
datasets: [books, cities]
training: {epochs: 1, batch_size: 64}
experiments: {main: {methods: [share_bottom, single_task]}}
"""


def write_tables(folder):
    random = np.random.default_rng(0)
    isbn, stars = random.integers(0, 9, ROWS), random.integers(1, 6, ROWS).astype(object)
    stars[::4] = ""
    pd.DataFrame(
        {
            "reader": random.integers(0, 20, ROWS),
            "isbn": isbn,
            "tags": random.choice(["a|b", "a", "b|c|a", ""], ROWS),
            "price": random.normal(9, 3, ROWS).round(2),
            "stars": stars,
            "mood": random.choice(["bad", "fair", "good"], ROWS),
            "days": random.integers(1, 30, ROWS),
        }
    ).to_csv(folder / "loans.csv", index=False)
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
    return isbn, stars


def test_tables_of_every_kind_reach_the_report_under_the_names_of_their_tasks(fresh):
    isbn, stars = write_tables(fresh.folder)
    fresh.write("config/datasets/books.yaml", LOANS)
    fresh.write("config/datasets/cities.yaml", CITIES)
    results = fresh.folder / "results"

    fresh.snakemake("--configfile", fresh.write("config/mine.yaml", STUDY))

    facts = read_json(results / "data/books/manifest.json")
    given = pd.to_numeric(pd.Series(stars)).dropna()
    assert facts["label_rates"] == {"likes": pytest.approx((given >= 4).mean())}
    assert facts["unmatched"] == {"books": int((isbn == 8).sum())}
    assert [task["labelled"] for task in facts["tasks"]] == [len(given), None, None]
    for dataset, columns in {
        "books": {"y_likes", "p_likes", "y_mood", "p_mood_good", "y_days", "p_days"},
        "cities": {"y_pay_nok", "p_pay_nok", "y_moves", "p_moves"},
    }.items():
        for method in METHODS:
            run = results / f"runs/{dataset}/{method}/paper"
            assert columns <= {*pd.read_parquet(run / "predictions.parquet").columns}
    tables = [(results / f"tables/table{n}.md").read_text(encoding="utf-8") for n in (2, 3)]
    table = "".join(tables)
    for heading in ("AUC likes", "accuracy mood", "RMSE days (days)", "RMSE pay_nok (NOK)"):
        assert heading.lower() in table.lower(), table
    shown = [*results.glob("tables/*.md"), *results.glob("audit/*.md"), results / "report.html"]
    for path in shown:
        text = path.read_text(encoding="utf-8")
        assert not {"t0", "t1", "AUC0", "AUC1", "task 0"} & set(words(text)), path
    report = (results / "report.html").read_text(encoding="utf-8")
    assert "Loans with their books" in report
    assert "have no partner in books" in report


def words(text):
    """Yield names in a text, of a report without its images."""
    text = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", text)
    return [*re.findall(r"[A-Za-z_]\w*", text), *re.findall(r"task \d", text)]
