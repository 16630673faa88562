"""Captions for Snakemake's report: those of the written files, without markup."""

import re

from mtnas.report.captions import caption_of
from mtnas.report.exhibits import planned
from mtnas.report.render.layout import Block, Cell, Column, Row, Table
from mtnas.report.render.style import new_figure, save_figure
from mtnas.report.render.writers import write_table
from mtnas.study.plan import plan_of
from tests.helpers.studies import shipped

BLOCK = Block("A_dataset", "Method", (Column("AUC"),), (Row("x", (Cell(0.5),)),))
TABLE = Table("table2", "Scores of *all* methods", (BLOCK,), ("A note on a_b.",))


def test_a_figure_says_what_its_file_carries(tmp_path):
    path = tmp_path / "f.png"
    assert caption_of(path) == ""  # not drawn yet
    save_figure(new_figure(1, 1), [path], "What never_married gains * 2.")
    assert caption_of(path) == r"What never\_married gains \* 2."


def test_a_table_says_its_title_and_its_notes(tmp_path):
    path = tmp_path / "t.md"
    write_table(TABLE, md=path)
    assert caption_of(path) == "Table 2. Scores of \\*all\\* methods\n\nA note on a\\_b."


def test_a_table_is_a_page_of_its_own(tmp_path):
    write_table(TABLE, html=tmp_path / "t.html")
    page = (tmp_path / "t.html").read_text()
    assert "<title>Scores of *all* methods</title>" in page
    assert re.search(r"<td[^>]*>x</td>\s*<td[^>]*>0.5000</td>", page)


def test_every_table_and_figure_says_what_it_is():
    titles = {
        name: exhibit.title for name, exhibit in planned(plan_of(shipped("all_claims"))).items()
    }
    assert titles["figure3"] == "Figure 3: the searched routes, one dataset after the other"
    assert all(10 < len(title) < 110 for title in titles.values())
