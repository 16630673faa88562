"""Own datasets in the real workflow: the example of the documentation, taken literally."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mtnas.runtime.files import read_json

DOCUMENT = Path(__file__).parents[2] / "docs/adding-a-dataset.md"
BLOCK = re.compile(r"^([^\n]*)\n\n```(\w+)\n(.*?)^```$", re.M | re.S)
STUDY = ("--configfile", "config/loans.yaml")
FILE = "config/datasets/loans.yaml"


def follow(checkout):
    """Write the files and run the commands of the document's example, from its first block on."""
    (checkout.folder / ".venv").symlink_to(sys.prefix)
    example = DOCUMENT.read_text(encoding="utf-8").partition("## In five minutes")[2]
    for before, language, text in BLOCK.findall(example.partition("\n## ")[0]):
        if language != "sh":
            checkout.write(re.findall(r"`([\w/.]+)`", before)[0], text)
            continue
        done = subprocess.run(
            ["sh", "-euc", text],
            cwd=checkout.folder,
            env=checkout.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_example_of_the_documentation_runs(fresh):
    follow(fresh)

    facts = read_json(fresh.folder / "results/data/loans/manifest.json")
    assert facts["split_sizes"] == {"train": 14, "valid": 5, "test": 5}
    assert (facts["split_kind"], facts["rows_dropped"]) == ("time", {})
    assert [field["name"] for field in facts["fields"]] == [
        "reader", "book", "genre", "length", "when_weekday", "when_hour",
    ]  # fmt: skip
    record = read_json(fresh.folder / "results/runs/loans/mmoe/paper/run.json")
    assert record["splits"]["0"] == record["splits"]["1"]
    assert record["data"]["split_kind"] == "time"
    report = (fresh.folder / "results/report.html").read_text(encoding="utf-8")
    assert "fixed, by time (borrowed)" in report
    assert "Loans of a small library: one split for every seed, so there" in report

    fresh.edit(FILE, "title:", "# A comment.\ntitle:")
    fresh.edit(FILE, "path: loans.csv", "path: ./loans.csv")
    assert not fresh.plan(*STUDY).jobs
    fresh.edit(FILE, "stars >= 4", "stars >= 5")
    jobs = fresh.plan(*STUDY).jobs
    assert (jobs["prepare"], jobs["train"]) == (1, 2)


def test_a_broken_file_stops_the_studies_that_name_it(fresh):
    fresh.write("config/datasets/mine.yaml", "path: x.csv\nfeilds: [a]\ntasks: [y > 1]\n")
    overlay = fresh.write("config/mine.yaml", "datasets: [mine]\n")

    printed = fresh.snakemake("-n", "--configfile", overlay, ok=False)

    assert "config/datasets/mine.yaml: 2 problems: (1) unknown key 'feilds'" in printed
    assert "(did you mean 'fields'?)" in printed
    assert "Traceback" not in printed
