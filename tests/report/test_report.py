"""The HTML report: complete, self-contained, escaped, and readable by programs and by people."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace

import pytest
from PIL import Image

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.evidence.claims.ledger import shown
from mtnas.evidence.records import Timings, read_run
from mtnas.report.render.html import TEMPLATES
from mtnas.report.render.layout import Block, Cell, Column, Row, Table
from mtnas.report.render.writers import to_markdown
from mtnas.report.site.grids import Grid, document
from mtnas.report.site.page import write_report
from mtnas.report.site.runs import costs, timing
from mtnas.report.site.sources import Sources
from mtnas.report.site.tables import Origins, shows
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_json
from tests.helpers.outline import barriers
from tests.helpers.pages import EVIL, METHODS, Page, study
from tests.helpers.runs import NAMES, edit_run_record
from tests.helpers.tables import write_manifest


def written(path, sources):
    write_report(path, sources)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the sources of a study and its page."""
    root = tmp_path_factory.mktemp("study")
    sources = study(root)
    return sources, written(root / "report.html", sources)


@pytest.fixture
def html(made):
    return made[1]


@pytest.fixture
def page(html):
    return Page(html)


def test_the_page_has_every_part(page):
    for part in ("Which sharing should I use?", "How to read this", "Tables", "Figures", "Data",
                 "Runs", "What it cost", "Routes that were found", "12,345"):  # fmt: skip
        assert part in page.words
    assert page.tags["img"] == 1
    assert page.tags["main"] == page.tags["nav"] == page.tags["h1"] == page.tags["dialog"] == 1
    assert "Commit c0ffee with changes" in re.sub(r"\s+", " ", page.words)


def test_ids_are_unique_and_every_link_has_its_target(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = {href for href in page.values("href")}
    assert all(href.startswith("#") for href in targets)
    assert not {href[1:] for href in targets} - set(ids)
    assert not set(page.values("aria-labelledby")) - set(ids)
    assert not set(page.values("for")) - set(ids)
    for name in ("answer", "claim-C1", "table-table2", "figure-figure9", "dataset-bookcrossing",
                 "run-bookcrossing-mmoe-paper"):  # fmt: skip
        assert name in ids


def test_every_table_has_a_caption_and_every_heading_its_scope(page):
    assert page.tags["caption"] == page.tags["table"] > 3
    assert len(page.values("scope", "th")) == page.tags["th"]
    assert page.tags["figcaption"] == page.tags["figure"] == 1
    assert all(page.values("alt", "img"))
    assert all(page.values("aria-label", "svg")) or page.values("aria-hidden", "svg")


def test_nobody_stumbles_who_hears_the_page(html):
    assert barriers(html) == []


STUMBLES = {
    "a heading too low": ("<h2", "<h4", "comes after"),
    "a nameless part": (' aria-labelledby="question"', "", "section without a name"),
    "a table without a caption": ("<caption", "<p", "table without a caption"),
    "a heading of nothing": (' scope="row"', "", "without a scope"),
    "a nameless field": ("<label>Data set", "<p>Data set", "select without a name"),
    "a nameless drawing": (' role="group" aria-label="', ' data-x="', "drawing without role"),
    "a place that is nothing": (' role="region"', "", "tabindex '0'"),
    "another order": ('tabindex="0"', 'tabindex="3"', "tabindex '3'"),
    "an image of nothing": (' alt="', ' data-x="', "image without a text"),
    "no way past the contents": ('href="#main"', 'href="#data"', "does not lead to #main"),
}


@pytest.mark.parametrize("what", STUMBLES)
def test_what_somebody_would_stumble_over_is_found(html, what):
    old, new, told = STUMBLES[what]
    assert old in html
    assert any(told in line for line in barriers(html.replace(old, new)))


def test_the_browser_may_load_nothing_and_run_this_script_alone(html, page):
    policy = dict(rule.split(" ", 1) for rule in page.values("content", "meta")[0].split("; "))
    assert policy["default-src"] == "'none'" and policy["img-src"] == "data:"
    for name, tag in (("style-src", "style"), ("script-src", "script")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[name] == f"'sha256-{digest}'"
    assert not re.search(r"url\(|@import|https?://|\bstyle=|\son\w+=", html)
    assert all(src.startswith("data:image/png;base64,") for src in page.values("src"))


def test_everything_is_escaped(tmp_path):
    html = written(tmp_path / "r.html", study(tmp_path, evil=EVIL))
    page = Page(html)
    assert page.tags["script"] == 1
    assert "alert" not in re.findall(r"<script>(.*?)</script>", html, re.DOTALL)[0]
    assert page.words.count(EVIL) >= 12  # and comes out exactly as it went in
    ids = page.values("id")
    assert len(ids) == len(set(ids)) and not re.search(r"[<>\s]", "".join(ids))


def test_a_hostile_name_of_a_dataset_is_text(tmp_path):
    sources = study(tmp_path)
    runs = (tmp_path / "runs").rename(tmp_path / "kept")  # where no folder says whose they are
    folders = [runs / folder.relative_to(tmp_path / "runs") for folder in sources.run_folders]
    for folder in folders:
        edit_run_record(folder, lambda record: record["spec"].update(dataset=EVIL))
    sources = Sources(run_folders=folders, titles=sources.titles)
    page = Page(written(tmp_path / "r.html", sources))
    assert page.tags["script"] == 1
    assert page.words.count(EVIL) >= 3


def test_the_picture_is_that_of_the_file_with_its_caption(made, page):
    sources, _ = made
    encoded = page.values("src", "img")[0].split(",", 1)[1]
    with (
        Image.open(io.BytesIO(base64.b64decode(encoded))) as shown,
        Image.open(sources.figures[0]) as original,
    ):
        assert shown.size == original.size
        assert shown.convert("RGB").tobytes() == original.convert("RGB").tobytes()
    assert 'A caption with "quotes" & <tags>.' in page.words


def test_a_printed_number_leads_to_the_row_of_its_run(html):
    for name, auc in METHODS.items():
        link = (
            f'<a href="#run-bookcrossing-{name}-paper" title="results/runs/bookcrossing/{name}/'
            f'paper, code c0de, 3 seeds">{auc:.4f} ± 0.0010</a>'
        )
        assert html.count(link) == 2  # a block each
        assert f'<tr id="run-bookcrossing-{name}-paper"' in html


def test_answers_link_to_what_the_page_has(page):
    assert page.words.index("Which sharing") < page.words.index("What the data lack")
    links = page.values("href")
    assert "#claim-C1" in links and "#claim-C99" not in links


def test_without_an_answer_the_verdicts_are_counted(made, tmp_path):
    html = written(tmp_path / "r.html", replace(made[0], answer=None))
    assert re.search(r'<p class="lead">Of \d+ claims: \d+ ', html)


def test_claims_tell_verdict_interval_and_reason(html):
    (claim,) = re.findall(r'<article class="claim" id="claim-C1".*?</article>', html, re.DOTALL)
    assert 'data-verdict="inconclusive"' in claim and 'data-source="MTNAS"' in claim
    assert "MTNAS has the highest AUC on every task of every dataset" in claim
    assert re.search(r"Book-Crossing: AUC\d: MTNAS − [\w-]+\. [A-Z][^<]+\.</p>", claim)
    assert claim.count("<svg") == 1 and "All 8 comparisons" in claim
    (other,) = re.findall(r'<article class="claim" id="claim-C8".*?</article>', html, re.DOTALL)
    assert "<svg" not in other and "<code>" in other


def test_the_interval_of_a_claim_is_the_one_that_decides(made, tmp_path):
    entries = json.loads(made[0].claims.read_text())
    (entry,) = [entry for entry in entries if entry["id"] == "C1"]
    names = [shown(c["dataset"], c["what"]) for c in entry["comparisons"]]
    said = "against the claim, but not after correction for 9 comparisons"
    entry["comparisons"][names.index(entry["decided_by"])] |= {
        **{"estimate": -0.2, "low": -0.3, "high": -0.1, "null": 0.0, "unit": "AUC"},
        **{"deciding": [-0.5, 0.1], "verdict": "contradicted", "said": said},
    }
    write_json(tmp_path / "claims.json", [{**entry, "seeds": 1}])
    html = written(tmp_path / "r.html", replace(made[0], claims=tmp_path / "claims.json"))
    (claim,) = re.findall(r'<article class="claim" id="claim-C1".*?</article>', html, re.DOTALL)
    assert claim.count("[−0.5000, 0.1000] (Holm)") == 3  # drawn, told, in the table
    assert '<circle class="unsure"' in claim and "−0.3000" not in claim
    assert "Against the claim, but not after correction for 9 comparisons." in claim
    assert " 1 seed." in claim


def test_a_run_costs_the_search_that_it_takes(made):
    runs = [read_run(folder) for folder in made[0].run_folders]
    key = ("bookcrossing", "mtnas", "paper")
    taken = {("bookcrossing", "mtnas", "other"): 7.0}
    (found,) = costs(runs, taken, {key: "other"}, NAMES)
    assert [row.search for row in found.rows] == [0.0, 0.0, 0.0, 0.0, 7.0]
    (own,) = costs(runs, {key: 5.0}, {}, NAMES)
    assert [row.search for row in own.rows] == [0.0, 0.0, 0.0, 0.0, 5.0]


def test_answers_link_to_exhibits_of_sharing(made, tmp_path):
    found = [
        {"kind": "found", "text": "t", "anchor": a} for a in ("table-table2", "figure-figure9")
    ]
    write_json(tmp_path / "a.json", {"answers": [{"question": "?", "statements": found}]})
    sharing = [*made[0].tables, *made[0].figures]
    sources = Sources(answer=tmp_path / "a.json", sharing=sharing)
    page = Page(written(tmp_path / "r.html", sources))
    for name in ("table-table2", "figure-figure9"):
        assert page.values("href").count(f"#{name}") == 2  # in the contents and in the answer
        assert name in page.values("id")


def test_one_run_is_one_run(made, tmp_path):
    sources = Sources(run_folders=made[0].run_folders[:1])
    assert "1 run, 1 data set" in Page(written(tmp_path / "r.html", sources)).text


def test_methods_are_compared_by_task_with_their_intervals(page, html):
    assert "MMoE: +0.0100, 95 % interval" in page.words
    side = re.search(r"<title>MMoE: \+0\.0100.*?</title>.*?<circle class=\"(\w+)\"", html)
    assert side[1] == "better"


def test_routes_of_every_seed_are_drawn_and_told(page):
    assert page.values("data-seed") == ["0", "1"]
    told = page.values("data-words")
    assert "s4 reads s1; probability of this choice 0.250, entropy 80% of a blind choice" in told
    assert any("through a gate that looks at root" in words for words in told)
    assert "The search has decided in part: 80% of the entropy of blind choice" in page.words


def test_rows_left_out_are_told_first_with_their_causes(html):
    told = "<li>Of 134 rows 34 (25 %) were left out: no rating  (34).</li>"
    assert html.index(told) < html.index('id="how-to-read-this"')
    assert "100 (34 more were left out)" in html
    assert "Nothing was left out" not in html


def test_data_of_which_nothing_is_missing_are_folded(tmp_path):
    manifests = [write_manifest(tmp_path / "m.json", "movielens")]
    html = written(tmp_path / "r.html", Sources(manifests=manifests))
    assert "<details>\n<summary>Nothing was left out of the data</summary>" in html
    assert "<p>MovieLens.</p>" in html


def test_warnings_of_audits_stand_first(tmp_path):
    manifests = [write_manifest(tmp_path / "m.json", "movielens", warnings=(f"Seen: {EVIL}",))]
    warning = f"field {EVIL!r} alone tells 't0' (AUC 0.998): is it known before the label is?"
    audit = {"dataset": "movielens", "leaks": {"warnings": [warning]}}
    write_json(tmp_path / "audit.json", audit)
    sources = Sources(manifests=manifests, findings=[tmp_path / "audit.json"])
    text = Page(written(tmp_path / "r.html", sources)).text
    assert f"Seen: {EVIL}" in text
    assert text.index(warning) < text.index("How to read this", text.index(warning))


def test_simulated_data_are_announced(tmp_path):
    manifests = [write_manifest(tmp_path / "m.json", "tiktok", simulated=True)]
    html = written(tmp_path / "r.html", Sources(manifests=manifests))
    assert 'class="warning">SIMULATED DATA: 1 of 1 data set: TikTok' in html


def test_the_same_sources_give_the_same_bytes(made, tmp_path):
    sources, html = made
    assert written(tmp_path / "b.html", sources) == html


def test_an_empty_report_still_opens(tmp_path):
    page = Page(written(tmp_path / "r.html", Sources()))
    assert "No runs." in page.words and "no answer in words" in page.words


def test_missing_files_are_named(tmp_path):
    for name in ("tables", "figures"):
        with pytest.raises(RecordError, match=r"gone\.md: missing"):
            write_report(tmp_path / "r.html", Sources(**{name: [tmp_path / "gone.md"]}))
    with pytest.raises(RecordError, match=r"gone\.json: missing"):
        write_report(tmp_path / "r.html", Sources(answer=tmp_path / "gone.json"))
    write_json(tmp_path / "a.json", {"answers": [{"question": "?"}]})
    with pytest.raises(RecordError, match=r"a\.json: not an answer"):
        write_report(tmp_path / "r.html", Sources(answer=tmp_path / "a.json"))


def test_timing_shows_seconds_only():
    found = Timings(train_seconds=60, total_seconds=61.5, seeds_at_once=5, device="cpu", threads=1)
    assert timing(found) == "61.5 s (training 60.0 s)"


def test_a_table_keeps_groups_marks_and_columns_of_words():
    columns = (Column("AUC0", EVIL), Column("Why", EVIL, words=True))
    cells = (Cell(-0.1, "difference", gray=True, mark="‡"), Cell(words="two words"))
    table = Table("table2", EVIL, (Block("Part", "Method", columns, (Row(EVIL, cells),)),), (EVIL,))
    title, (grid, note) = document(to_markdown(table), "none")
    assert title == f"Table 2. {EVIL}" and isinstance(grid, Grid)
    assert grid.caption == "Part" and not grid.quiet and grid.groups == [(EVIL, 2)]
    assert grid.rows[0].cells[0].text == EVIL
    assert "<em>−0.1000‡</em><br>[no interval]" in grid.html()
    assert 'class="words" data-dataset=' in grid.html() and "two words" in grid.html()
    assert note.unescape().strip() == f"<p>{EVIL}</p>"


@pytest.mark.parametrize(
    ("text", "value", "right"),
    [
        ("0.7820 ± 0.0023", 0.78202, True),
        ("−0.0031§ [−0.1, 0.2]", -0.00312, True),
        ("40,895", 40895.0, True),
        ("0.84", 0.8401, True),
        ("0.7820 ± 0.0023", 0.7812, False),
        ("1", 2.0, False),
    ],
)
def test_a_number_is_known_by_what_is_printed(text, value, right):
    assert shows(text, value) is right


def test_a_cell_without_a_ledger_links_nowhere():
    assert Origins(None, {"run-a-b-c"}).link("MMoE", "AUC", "0.5") == ("", "")


@pytest.mark.parametrize(
    ("split", "text"),
    [
        ({"split_kind": "random", "split_column": None}, "random"),
        ({"split_kind": "column", "split_column": "a<b"}, "fixed, by column (a&lt;b)"),
    ],
)
def test_the_split_of_a_dataset_is_told(tmp_path, split, text):
    manifest = write_manifest(tmp_path / "manifest.json", **split)
    html = written(tmp_path / "report.html", Sources(manifests=[manifest]))
    assert f'<td class="words">{text}</td>' in html


def test_rates_of_labels_are_told(tmp_path):
    told = {"label_rates": {"t0": 0.516}, "tasks": (TaskSummary(name="t0", rule="likes: r >= 4"),)}
    manifest = write_manifest(tmp_path / "manifest.json", **told)
    html = written(tmp_path / "report.html", Sources(manifests=[manifest]))
    assert "t0: likes: r &gt;= 4 (51.6% positive)" in html


PAIRS = [
    *((ink, "page") for ink in ("ink", "muted", "accent", "warning", "worse", "unsure")),
    *((f"task{i}", "page") for i in range(6)),
    *((f"{kind}-ink", kind) for kind in ("good", "bad", "open")),
    ("accent", "tint"), ("muted", "tint"), ("muted", "card"), ("ink", "card"), ("ink", "tint"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(scheme):
    style = (TEMPLATES / "report.css").read_text()
    light, dark = re.findall(r":root \{([^}]*--page[^}]*)\}", style)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#\w{6})", dark))
    for ink, ground in PAIRS:
        lighter, darker = sorted((luminance(colours[ink]), luminance(colours[ground])))[::-1]
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (scheme, ink, ground)


def luminance(colour):
    """Return the relative luminance of `#rrggbb` (WCAG 2)."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(w * s for w, s in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
