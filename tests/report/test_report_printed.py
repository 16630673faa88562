"""The HTML report on paper: nothing folded, nothing cut, nothing but the report."""

import base64
import re
from dataclasses import replace

import pytest

from mtnas.report.render.layout import Block, Cell, Column, Row, Table
from mtnas.report.render.writers import write_table
from mtnas.report.site.page import write_report
from tests.helpers.browser import Browser, find
from tests.helpers.pages import study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find() is None, reason="no Chromium on the path or in MTNAS_BROWSER"),
]
PORTRAIT, LANDSCAPE = 688, 1032  # CSS pixels between the margins of a page of A4
ACROSS = ("how-to-read-this", "tables", "runs")
TOO_WIDE = """[...document.querySelectorAll('main > section')]
    .filter((section) => section.scrollWidth > section.clientWidth).map((section) => section.id)"""
FOLDED = "document.querySelectorAll('main details:not([open])').length"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Write the report of a study one of whose tables has many columns with long names."""
    root = tmp_path_factory.mktemp("report")
    sources = study(root)
    columns = tuple(Column(f"a_long_task_name & other_{i}", "") for i in range(21))
    rows = (Row("InstEval", tuple(Cell(0.5) for _ in columns)),)
    table = Table("table4", "Correlations", (Block("", "Dataset", columns, rows),), ())
    write_table(table, md=root / "table4.md", cells=root / "table4.cells.csv")
    tables = [*sources.tables, root / "table4.md"]
    write_report(root / "report.html", replace(sources, tables=tables))
    return root / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(find(), tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def on_paper(browser, report, width):
    browser.open(report, width)
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.run("dispatchEvent(new Event('beforeprint'))")


def shown(browser, selector):
    every = f"[...document.querySelectorAll('{selector}')]"
    return browser.run(f"{every}.filter((element) => element.checkVisibility()).length")


def style(browser, selector, name):
    return browser.run(f"getComputedStyle(document.querySelector('{selector}')).{name}")


def test_no_part_is_wider_than_its_page(browser, report):
    on_paper(browser, report, PORTRAIT)
    assert set(browser.run(TOO_WIDE)) <= set(ACROSS)
    on_paper(browser, report, LANDSCAPE)
    assert browser.run(TOO_WIDE) == []
    assert style(browser, "#tables", "page") == "across"


def test_the_pages_are_a4_upright_and_across(browser, report):
    browser.open(report, 1280)
    printed = browser.call("Page.printToPDF", preferCSSPageSize=True)
    pdf = base64.b64decode(printed["data"]).decode("latin-1")
    sizes = re.findall(r"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    upright = [float(width) < float(height) for width, height in sizes]
    assert upright[0] and not all(upright)
    assert all({round(float(a)), round(float(b))} == {595, 842} for a, b in sizes)


def test_nothing_is_folded_on_paper_and_all_is_afterwards(browser, report):
    browser.open(report, 1280)
    before = browser.run(FOLDED)
    browser.run(f"addEventListener('beforeprint', () => {{ window.folded = {FOLDED}; }})")
    browser.call("Page.printToPDF")
    assert browser.run("window.folded") == 0 < before == browser.run(FOLDED)


def test_what_only_a_screen_can_do_is_not_printed(browser, report):
    on_paper(browser, report, PORTRAIT)
    assert shown(browser, "nav, .skip, .slider, dialog, main summary, form") == 0
    assert shown(browser, ".route") == 2  # a route of every seed, where the screen has a slider
    assert "Seed" in browser.run(
        "getComputedStyle(document.querySelector('.route'), '::before').content"
    )


def test_a_filter_that_hides_rows_is_told_on_paper(browser, report):
    browser.open(report, PORTRAIT)
    browser.run(
        "document.querySelector('#tables input').value = 'mmoe';"
        "document.querySelector('#tables form').dispatchEvent(new Event('input'))"
    )
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert shown(browser, "#tables output") == 1
    assert shown(browser, "#tables input") == 0


def test_figures_stay_whole_and_headings_are_repeated(browser, report):
    on_paper(browser, report, PORTRAIT)
    for whole in ("figure", "tr", "thead", ".panel"):
        assert style(browser, whole, "breakInside") == "avoid"
    assert style(browser, "thead", "display") == "table-header-group"
    assert style(browser, "thead", "position") == "static"
    assert style(browser, "th button", "display") == "contents"  # Chromium repeats no button
