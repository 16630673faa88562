"""Snakemake's own report, its catalog's Snakefile, and the drawing of the rules."""

import json
import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from mtnas.report.rule_graph import write_into
from tests.conftest import REPOSITORY, TEST_STUDY

pytestmark = pytest.mark.slow


def variable(page, name):
    """Return what a script of the page gives a variable."""
    start = f"var {name} = "
    return json.JSONDecoder().raw_decode(page, page.rindex(start) + len(start))[0]


def test_the_report_of_snakemake_carries_every_table_and_figure_with_its_caption(finished):
    finished.snakemake("--report", "results/report.zip", "--configfile", TEST_STUDY)
    with ZipFile(finished.folder / "results/report.zip") as packed:
        carried = {Path(name).name: packed.read(name) for name in packed.namelist()}
        page = packed.read("report/report.html").decode("utf-8")
    results = finished.folder / "results"
    made = {f"results/tables/{path.name}": "Tables" for path in results.glob("tables/*.html")}
    assert len(made) >= 3
    made |= {f"results/figures/{path.name}": "Figures" for path in results.glob("figures/*.png")}
    assert len(made) >= 11
    made["results/report.html"] = "Report"

    entries, categories = variable(page, "results"), variable(page, "categories")
    assert set(entries) == set(made)
    for name, category in made.items():
        entry = entries[name]
        if category != "Report":  # the page of the zip has its name, too
            assert carried[Path(name).name] == (finished.folder / name).read_bytes()
        assert len(re.sub("<[^>]+>", "", entry["caption"])) > 25, name
        assert set(entry["labels"]) == {"shows"}  # two break the page where two files are shown
        assert Path(name).stem in entry["labels"]["shows"]
        assert name in {file for part in categories[category].values() for file in part}
    assert len({entry["labels"]["shows"] for entry in entries.values()}) == len(entries)
    assert "scores" in entries["results/tables/table2.html"]["caption"]

    about = variable(page, "workflow_desc")
    assert "how several prediction tasks should share" in about
    assert "Datasets: insteval. Seeds: 2." in about


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
