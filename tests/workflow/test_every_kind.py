"""Own tables of every kind in the real workflow, from the raw files to the report."""

import re

import pandas as pd
import pytest

from mtnas.runtime.files import read_json
from tests.helpers.exports import CITIES, LOANS, write_tables

pytestmark = pytest.mark.slow

METHODS = ("share_bottom", "single_task")
STUDY = """
seeds: 2
datasets: [books, cities]
training: {epochs: 1, batch_size: 64}
experiments: {main: {methods: [share_bottom, single_task]}}
"""


def test_tables_of_every_kind_reach_the_report_under_the_names_of_their_tasks(fresh):
    write_tables(fresh.folder)
    loans = pd.read_csv(fresh.folder / "loans.csv")
    fresh.write("config/datasets/books.yaml", LOANS)
    fresh.write("config/datasets/cities.yaml", CITIES)
    results = fresh.folder / "results"

    fresh.snakemake("--configfile", fresh.write("config/mine.yaml", STUDY))

    facts = read_json(results / "data/books/manifest.json")
    given = loans["stars"].dropna()
    assert facts["label_rates"] == {"likes": pytest.approx((given >= 4).mean())}
    assert facts["unmatched"] == {"books": int((loans["isbn"] == 8).sum())}
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
