"""The HTML report in a browser: it asks for nothing, fits a phone, filters and sorts."""

from dataclasses import replace

import pytest

from mtnas.report.site.page import write_report
from tests.helpers.browser import Browser, find
from tests.helpers.pages import EVIL, study
from tests.helpers.tables import write_manifest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find() is None, reason="no Chromium on the path or in MTNAS_BROWSER"),
]
SHOWN = "[...document.querySelectorAll('{}')].filter((e) => e.checkVisibility()).length"
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

# Texts whose contrast with what is behind them is below that of WCAG 2.1, AA.
PALE = """(() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const own = parts(getComputedStyle(at).backgroundColor);
      if (own.length === 3 || own[3] === 1) return own;
    }
    return [255, 255, 255];
  };
  const under = (element) => {
    const box = element.parentElement.querySelector(':scope > rect');
    return box && element.closest('.route') ? parts(getComputedStyle(box).fill) : behind(element);
  };
  const pale = [];
  for (const element of document.querySelectorAll('body *')) {
    const drawn = element instanceof SVGElement;
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.checkVisibility() || (drawn && element.tagName !== 'text')) continue;
    const style = getComputedStyle(element);
    const ink = light(parts(drawn ? style.fill : style.color));
    const page = light(drawn ? under(element) : behind(element));
    const contrast = (Math.max(ink, page) + .05) / (Math.min(ink, page) + .05);
    if (contrast < 4.5) pale.push(`${element.textContent.trim()} ${contrast.toFixed(2)}`);
  }
  return pale;
})()"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    write_report(root / "report.html", study(root))
    return root / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(find(), tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser, report):
    """Return the browser with the report of a study; it must not have complained in the end."""
    browser.errors.clear()
    browser.requests.clear()
    browser.open(report, 1280)
    yield browser
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(page, report, width, scheme):
    page.open(report, width, prefers_color_scheme=scheme)
    assert page.run(TOO_WIDE) is False
    page.run("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    assert page.run(TOO_WIDE) is False
    dark = page.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(page, report, scheme):
    page.open(report, 1280, prefers_color_scheme=scheme)
    page.run("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    assert page.run(PALE) == []
    page.run("document.querySelector('h1').style.color = '#888888'")
    page.run("document.body.style.backgroundColor = '#7f7f7f'")
    assert any(told.startswith("Which sharing should I use?") for told in page.run(PALE))


def test_hostile_texts_run_nothing(page, report, tmp_path):
    sources = study(tmp_path, evil=f"{EVIL}<img src=x onerror=document.title='x'>")
    write_report(tmp_path / "report.html", replace(sources, run_folders=()))
    page.open(tmp_path / "report.html", 1280)
    assert page.run("document.title").startswith("Which sharing should I use?")
    assert page.run("document.scripts.length") == 1


def test_claims_are_filtered_by_verdict_and_by_text(page):
    everything = page.run("document.querySelectorAll('.claim').length")
    page.run(
        "document.querySelector('#claims select[name=verdict]').value = 'not measured';"
        "document.querySelector('#claims form').dispatchEvent(new Event('input'))"
    )
    wanted = page.run("document.querySelectorAll('.claim[data-verdict=\"not measured\"]').length")
    assert 0 < wanted < everything
    assert page.run(SHOWN.format(".claim")) == wanted
    told = f"{wanted} of {everything} shown"
    assert page.run("document.querySelector('#claims output').textContent") == told
    page.run(
        "document.querySelector('#claims select[name=verdict]').value = '';"
        "document.querySelector('#claims input').value = 'HIGHEST auc';"
        "document.querySelector('#claims form').dispatchEvent(new Event('input'))"
    )
    assert page.run(SHOWN.format(".claim")) == 1


def test_tables_are_filtered_by_dataset_and_by_row(page):
    table = "document.querySelector('#table-table2 table')"
    assert page.run(SHOWN.format("#table-table2 tbody td")) == 20
    page.run(
        "document.querySelector('#tables select').value = 'Book-Crossing';"
        "document.querySelector('#tables input').value = 'mmoe';"
        "document.querySelector('#tables form').dispatchEvent(new Event('input'))"
    )
    assert page.run(SHOWN.format("#table-table2 tbody td")) == 4  # two methods, in two blocks
    assert page.run(f"{table}.rows[0].cells.length") == 3
    assert page.run(SHOWN.format("#table-table3, #table-table3 *")) == 0
    assert page.run("document.querySelector('#tables output').textContent") == "4 of 11 shown"
    page.run(
        "document.querySelector('#tables select').value = 'MovieLens';"
        "document.querySelector('#tables form').dispatchEvent(new Event('input'))"
    )
    assert page.run(SHOWN.format("#table-table3 tbody td")) == 2


def test_tables_are_sorted_by_a_heading(page):
    column = (
        "[...document.querySelector('#table-table2 tbody').rows]"
        ".map((row) => row.cells[1].textContent.slice(0, 4))"
    )
    head = (
        "document.querySelectorAll('#table-table2 thead')[0].querySelector('[data-column=\"1\"]')"
    )
    before = page.run(column)
    page.run(f"{head}.querySelector('button').click()")
    assert page.run(column) == sorted(before) != before
    assert page.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    page.run(f"{head}.querySelector('button').click()")
    assert page.run(column) == sorted(before, reverse=True)


def test_a_slider_walks_through_the_seeds(page):
    seed = "[...document.querySelectorAll('[data-seed]')].find((e) => !e.hidden).dataset.seed"
    assert page.run(seed) == "0"
    page.run(
        "{ const slider = document.querySelector('.slider input');"
        "slider.value = 1; slider.dispatchEvent(new Event('input')) }"
    )
    assert page.run(seed) == "1"
    page.run("document.querySelector('[data-seed=\"1\"] [data-words]').focus()")
    told = page.run("document.querySelector('.words-of-node').textContent")
    assert told.startswith("s4 reads s1 + s2 + s3 through a gate that looks at root")


def test_a_link_to_something_folded_unfolds_it(page):
    assert page.run("document.querySelector('#claim-C8').checkVisibility()") is False
    page.run("location.hash = '#claim-C8'")
    for _ in range(50):
        if page.run("document.querySelector('#claim-C8').checkVisibility()"):
            return
    raise AssertionError("it stays folded")


def test_a_figure_opens_in_full_size(page):
    page.run("document.querySelector('.zoom').click()")
    assert page.run("document.querySelector('dialog').open") is True
    page.run("document.querySelector('dialog button').click()")
    assert page.run("document.querySelector('dialog').open") is False


def test_long_lists_of_contents_are_folded_until_their_section_is_read(page, report, tmp_path):
    sources = study(tmp_path)
    manifests = [
        write_manifest(tmp_path / f"{i}.json", f"synthetic_{i}", title=f"Data {i}")
        for i in range(12)
    ]
    write_report(tmp_path / "report.html", replace(sources, manifests=manifests))
    page.open(tmp_path / "report.html", 1280)
    folded = "nav ol details"
    assert page.run(f"document.querySelector('{folded} summary').textContent") == (
        "12 parts of Data"
    )
    assert page.run(SHOWN.format(f"{folded} a")) == 0
    page.run("document.querySelector('#data').scrollIntoView()")
    for _ in range(50):
        if page.run(SHOWN.format(f"{folded} a")) == 12:
            return
    raise AssertionError("it stays folded")


def test_contents_are_folded_on_a_phone(page, report):
    assert page.run("document.querySelector('nav details').open") is True
    page.open(report, 390)
    assert page.run("document.querySelector('nav details').open") is False
    page.run("document.querySelector('nav summary').click()")
    assert page.run(SHOWN.format("nav a")) > 10
