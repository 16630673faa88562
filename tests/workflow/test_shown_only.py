"""What of a dataset's own file is only shown may be edited: no number is computed again."""

import pytest

FILE = "config/datasets/mine.yaml"
KEYS = """\
title: Loans
path: mine.csv
fields:
  reader: {type: id, help: who}
  genre: {help: of the book}
tasks: {likes: stars >= 4, loves: stars >= 5}
"""
OVERLAY = """\
datasets: [mine]
seeds: 1
variants: {mtnas: {blind: {search: {strategy: random}}}}  # nothing is trained: seconds
experiments: {main: {methods: [control_perfect, mtnas], variants: {mtnas: [blind]}}}
"""
TARGETS = (
    "results/runs/mine/control_perfect/paper/metrics.csv",
    "results/routes/mine/mtnas/blind/routes.json",
    "results/tables/table1.md",
)
EDITS = {
    "title": ("title: Loans", "title: What people borrow"),
    "help": ("help: of the book", "help: of the book as its publisher says"),
}
COMPUTED = {"prepare", "search", "train"}


@pytest.mark.slow
def test_an_edited_title_or_help_runs_tables_alone(fresh):
    fresh.write(FILE, KEYS)
    lines = (f"{i % 7},{'abc'[i % 3]},{i % 5 + 1}\n" for i in range(200))
    fresh.write("mine.csv", "reader,genre,stars\n" + "".join(lines))
    study = ("--configfile", fresh.write("config/mine.yaml", OVERLAY))
    fresh.snakemake(*TARGETS, *study)
    assert not fresh.plan(*TARGETS, *study).jobs

    for what, (old, new) in EDITS.items():
        fresh.edit(FILE, old, new)
        again = COMPUTED & {*fresh.plan(*TARGETS, *study).jobs}
        assert not again, f"{what}: {again}"

    fresh.edit(FILE, "stars >= 5", "stars >= 3")
    assert {*fresh.plan(*TARGETS, *study).jobs} >= COMPUTED  # the test can see it
