"""The HTML report: complete, self-contained, escaped."""

import base64
import re
from html.parser import HTMLParser

import pytest

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.evidence.records import Timings
from mtnas.report.render.html import to_html
from mtnas.report.render.layout import Block, Cell, Column, Row, Table
from mtnas.report.render.style import new_figure, save_figure, styled
from mtnas.report.render.writers import to_markdown, write_table
from mtnas.report.site.page import timing, write_report
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_json
from tests.helpers.runs import NAMES, edit_run_record, make_run
from tests.helpers.tables import write_manifest

EVIL = "<script>alert('x')</script> a|b *c* \\ & d"


@pytest.fixture
def run_folder(tmp_path):
    folder = make_run(tmp_path, "mtnas", (0.8,), seeds=(0, 1), simulated=True)

    def change(record):
        record["spec"] |= {"dataset": EVIL, "variant": "finetune"}
        record["parameters"] |= {"dense": 54321, "embedding": 777000}
        record["code"] = "0123456789abcdef"

    edit_run_record(folder, change)
    return folder


FACTS = {
    "title": EVIL,
    "rows": 100004,
    "rows_dropped": {"a.csv: not 3 columns": 1200, "a.csv: no rating": 34},
    "label_rates": {"t0": 0.516},
    "tasks": (TaskSummary(name="t0", rule="likes: rating >= 4"),),
}


@pytest.fixture
def manifest(tmp_path):
    return write_manifest(tmp_path / "manifest.json", "movielens", **FACTS)


@pytest.fixture
def figure(tmp_path):
    path = tmp_path / "figure9.png"
    with styled():
        save_figure(new_figure(1, 1), [path], 'A caption with "quotes" & <tags>')
    return path


@pytest.fixture
def table():
    cells = (Cell(0.5, strong=True), Cell(-0.1, "difference", gray=True, mark="‡"))
    columns = (Column("AUC0", EVIL), Column("AUC1", EVIL))
    return Table("table2", EVIL, (Block("", "Method", columns, (Row(EVIL, cells),)),), (EVIL,))


@pytest.fixture
def page(tmp_path, table, figure, run_folder, manifest):
    write_table(table, md=tmp_path / "t.md")
    write_report(
        tmp_path / "report.html",
        tables=[table, tmp_path / "t.md"],
        figures=[figure],
        run_folders=[run_folder],
        titles=NAMES.titles,
        manifests=[manifest],
    )
    return (tmp_path / "report.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Collect tags, attributes and text; check that tags close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(page):
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    return tags


def test_the_page_is_whole_and_has_every_part(page):
    tags = parsed(page)
    assert tags.seen.count("img") == 1
    assert tags.seen.count("table") == 4
    text = " ".join(tags.text)
    for part in ("How to read this", "Tables", "Figures", "Data", "Runs", "100,004", "54,321"):
        assert part in text
    assert "train 12.3 s" in text
    assert "MTNAS (fine-tuned)" in text
    assert "51.6% positive" in text


def test_nothing_is_loaded_from_outside(page):
    links = [value for name, value in parsed(page).attributes if name in ("src", "href")]
    assert len(links) == 1
    assert links[0].startswith("data:image/png;base64,")
    assert not re.search(r"url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_the_image_is_the_file_and_the_caption_its_own(page, figure):
    encoded = re.search(r"base64,([^\"]+)", page)[1]
    assert base64.b64decode(encoded) == figure.read_bytes()
    assert 'A caption with "quotes" & <tags>' in parsed(page).text


def test_everything_is_escaped(page):
    tags = parsed(page)
    assert "script" not in tags.seen
    assert page.count("&lt;script&gt;") >= 6
    assert tags.text.count(EVIL) >= 6  # and comes out exactly as it went in


def test_rows_left_out_are_told_first_with_their_causes(page):
    assert "<td>100,004 (1,234 more were left out)</td>" in page
    told = (
        "<li>Of 101,238 rows 1,234 (1.2 %) were left out: a.csv: not 3 columns (1,200), "
        "a.csv: no rating (34).</li>"
    )
    assert page.index(told) < page.index("How to read this")
    assert "Nothing was left out" not in page


def test_data_of_which_nothing_is_missing_are_folded(tmp_path):
    manifests = [write_manifest(tmp_path / "m.json", "movielens")]
    write_report(tmp_path / "r.html", manifests=manifests)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<details>\n<summary>Nothing was left out of the data</summary>" in page
    assert "<p>MovieLens.</p>" in page


def test_warnings_of_audits_stand_first(tmp_path):
    manifests = [write_manifest(tmp_path / "m.json", "movielens", warnings=(f"Seen: {EVIL}",))]
    warning = f"field {EVIL!r} alone tells 't0' (AUC 0.998): is it known before the label is?"
    audit = {"dataset": "movielens", "leaks": {"warnings": [warning]}}
    write_json(tmp_path / "audit.json", audit)
    write_report(tmp_path / "r.html", manifests=manifests, findings=[tmp_path / "audit.json"])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    text = parsed(page).text
    assert f"Seen: {EVIL}" in text
    assert text.index(warning) < text.index("How to read this")


def test_simulated_data_are_announced(page):
    assert 'class="warning">SIMULATED DATA' in page


def test_a_table_and_its_markdown_file_render_alike(table):
    html = to_html(to_markdown(table))
    assert "<strong>0.5000</strong>" in html
    assert "<em>−0.1000‡</em><br>[no interval]" in html
    assert 'colspan="2"' in html


def test_the_same_inputs_give_the_same_bytes(tmp_path, page, figure, run_folder, manifest, table):
    inputs = {"figures": [figure], "run_folders": [run_folder], "manifests": [manifest]}
    inputs["titles"] = NAMES.titles
    write_report(tmp_path / "b.html", tables=[table, tmp_path / "t.md"], **inputs)
    assert (tmp_path / "b.html").read_text(encoding="utf-8") == page


def test_an_empty_report_still_opens(tmp_path):
    write_report(tmp_path / "r.html")
    assert "No runs." in (tmp_path / "r.html").read_text()


def test_claims_come_first(tmp_path, table):
    (tmp_path / "claims.md").write_text("### Claims of the paper\n\n| Claim |\n| :-- |\n| C1 |\n")
    write_report(tmp_path / "r.html", claims=tmp_path / "claims.md", tables=[table])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    places = [page.index(f"<h2>{name}</h2>") for name in ("How to read this", "Claims", "Tables")]
    assert places == sorted(places)
    assert "C1" in page


def test_missing_files_are_named(tmp_path):
    with pytest.raises(RecordError, match=r"gone\.md: missing"):
        write_report(tmp_path / "r.html", tables=[tmp_path / "gone.md"])


def test_timing_shows_seconds_only():
    found = Timings(train_seconds=60, total_seconds=61.5, seeds_at_once=5, device="cpu", threads=1)
    assert timing(found) == "train 60.0 s, total 61.5 s"


def test_columns_that_stand_left_hold_words_and_may_be_broken():
    html = to_html("| A | b | c |\n| :-- | :-- | --: |\n| one | two words | 0.1 ± 0.2 |\n")
    assert '<td class="words">two words</td><td>0.1 ± 0.2</td>' in html
    assert '<th class="words">b</th><th>c</th>' in html


@pytest.mark.parametrize(
    ("split", "text"),
    [
        ({"split_kind": "random", "split_column": None}, "random"),
        ({"split_kind": "column", "split_column": "a<b"}, "fixed, by column (a&lt;b)"),
    ],
)
def test_the_split_of_a_dataset_is_told(tmp_path, split, text):
    manifest = write_manifest(tmp_path / "manifest.json", **split)
    write_report(tmp_path / "report.html", manifests=[manifest])
    assert f'<td class="words">{text}</td>' in (tmp_path / "report.html").read_text()
