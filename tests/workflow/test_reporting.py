"""Snakemake's own report, its catalog's Snakefile, and the drawing of the rules."""

import json
import re
import shutil

import pytest

from mtnas.report.rule_graph import write_into
from tests.conftest import REPOSITORY, TEST_STUDY

pytestmark = pytest.mark.slow


def test_the_report_of_snakemake_shows_every_table_and_figure_with_its_caption(finished):
    finished.snakemake("--report", "shown.html", "--configfile", TEST_STUDY)
    page = (finished.folder / "shown.html").read_text(encoding="utf-8")
    entries = json.JSONDecoder().raw_decode(page, page.index('{"results/'))[0]
    shown = {entry["name"]: entry for entry in entries.values()}
    folder = finished.folder / "results"
    tables = [path.name for path in folder.glob("tables/*.html")]
    figures = [path.name for path in folder.glob("figures/*.png")]
    assert {*tables, *figures, "report.html"} == set(shown)
    assert len(tables) >= 3 and len(figures) >= 8
    for name, entry in shown.items():
        assert len(re.sub("<[^>]+>", "", entry["caption"])) > 25, name
        assert set(entry["labels"]) == {"shows"}  # two break the page where two files are shown
    assert "scores" in shown["table2.html"]["caption"]


def test_the_snakefile_of_the_catalog_plans_the_same_jobs(bare):
    ours = bare.plan("--configfile", TEST_STUDY)
    catalog = bare.plan("-s", "workflow/Snakefile", "--configfile", TEST_STUDY)
    assert catalog.jobs.pop("study") == ours.jobs.pop("all") == 1
    assert catalog == ours


def test_the_rules_are_drawn_as_they_are(bare, tmp_path):
    document = tmp_path / "workflow.md"
    shutil.copy(REPOSITORY / "docs/workflow.md", document)
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (drawn,) = re.findall(r"^DRAWN .*config/,(.*)\)$", makefile, re.M)
    overlays = [f"config/{name}" for name in drawn.split()]
    printed = bare.snakemake("-n", "--rulegraph", "mermaid-js", "--configfile", *overlays)
    write_into(document, printed)
    assert document.read_text() == (REPOSITORY / "docs/workflow.md").read_text()
