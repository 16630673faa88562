"""Tables from tiny run folders with known numbers."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from mtnas.data.prepare.manifest import FieldSummary, TaskSummary
from mtnas.report.data_tables import other_data
from mtnas.report.exhibits.table1 import data_statistics
from mtnas.report.exhibits.table4 import label_correlations
from mtnas.report.exhibits.table5 import variants
from mtnas.report.names import column_name, dataset_name
from mtnas.report.paper import paper_score, paper_value
from mtnas.report.render.layout import number
from mtnas.report.render.writers import (
    LEDGER_COLUMNS,
    to_csv,
    to_latex,
    to_ledger,
    to_markdown,
    write_table,
)
from mtnas.report.scores import main_results
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, RecordError
from tests.helpers.runs import NAMES, NOISE, edit_run_record, make_run, write_scores
from tests.helpers.tables import write_manifest


def ledger(table):
    return pd.read_csv(io.StringIO(to_ledger(table)))


def cell(table, row, column):
    found = ledger(table).query("row == @row and column == @column")
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture
def folders(tmp_path):
    return [
        make_run(tmp_path, "single_task", (0.78, 0.80), loss=None),
        make_run(tmp_path, "share_bottom", (0.77, 0.81), 0.7320),
        make_run(tmp_path, "mtnas", (0.79, 0.82), 0.7250, noise=NOISE * 2),
        make_run(tmp_path, "mtnas", (0.785, 0.815), 0.7300, variant="random_routes"),
    ]


@pytest.fixture
def table(folders):
    return main_results(folders, names=NAMES)


def test_rows_and_columns_keep_the_order_given(table):
    scores, gains = table.blocks
    assert [row.label for row in scores.rows] == [
        *("Single", "Share-Bottom", "MTNAS", "MTNAS (random routes)"),
    ]
    assert [c.label for c in scores.columns] == [
        *("AUC0", "AUC1", "MTL loss", "dense parameters", "seeds"),
    ]
    assert [row.label for row in gains.rows][:2] == ["MTNAS − Single", "MTNAS − Share-Bottom"]


def test_a_cell_is_mean_and_spread_over_seeds_beside_the_paper(table):
    line = cell(table, "MTNAS", "Book-Crossing AUC0")
    assert line["value"] == pytest.approx(0.79)
    assert line["spread"] == pytest.approx(0.002)
    assert line["seeds"] == 3
    assert line["paper_value"] == 0.7907
    assert line["difference"] == pytest.approx(0.79 - 0.7907)
    assert line["run_folder"].endswith("bookcrossing/mtnas/paper")
    assert line["code"] == "code-mtnas"
    assert "**0.7900 ± 0.0020**<br>paper 0.7907 (−0.0007)" in to_markdown(table)


def test_the_ledger_has_the_promised_columns(table):
    assert list(ledger(table).columns) == list(LEDGER_COLUMNS)
    assert set(ledger(table)["table"]) == {"table2"}


def test_a_planted_wrong_number_shows_everywhere(table, folders):
    metrics = pd.read_csv(folders[1] / "metrics.csv")
    planted = metrics.query("seed == 1 and split == 'test' and task == 't0'").index
    metrics.loc[planted, "value"] += 0.03
    write_scores(folders[1], metrics)
    wrong = main_results(folders)
    assert "0.7800 ±" in to_markdown(wrong)
    assert to_markdown(wrong) != to_markdown(table)
    line = cell(wrong, "Share-Bottom", "Book-Crossing AUC0")
    assert line["value"] == pytest.approx(0.78)
    assert line["difference"] == pytest.approx(0.78 - 0.7834)
    gain = cell(wrong, "MTNAS − Share-Bottom", "Book-Crossing AUC0")
    assert gain["value"] == pytest.approx(0.79 - 0.78)


def test_differences_are_paired_and_carry_their_interval(table):
    line = cell(table, "MTNAS − Share-Bottom", "Book-Crossing AUC0")
    # The differences by seed are 0.019, 0.020, 0.021: t(0.975, 2) * 0.001 * sqrt(1/3 + 1/8), since
    # splits overlap, with a test row for eight training rows.
    assert line["value"] == pytest.approx(0.02)
    assert (line["low"], line["high"]) == pytest.approx(
        (0.02 - 0.002913, 0.02 + 0.002913), abs=1e-6
    )
    assert line["paper_value"] == pytest.approx(0.7907 - 0.7834)
    assert line["p_value"] <= line["holm_p"] < 0.05
    assert "**+0.0200§**<br>[+0.0171, +0.0229]" in to_markdown(table)


def test_every_number_of_the_markdown_is_in_the_ledger(table):
    kinds = dict.fromkeys(("parameters_dense", "seeds", "seeds_needed"), "count")
    known = set()
    for line in ledger(table).to_dict("records"):
        kind = kinds.get(line["metric"], "difference" if "−" in line["row"] else "score")
        values = [line[key] for key in ("value", "low", "high", "paper_value")]
        known |= {number(v, kind) for v in values if not np.isnan(v)}
        known |= {number(line["spread"]), number(line["difference"], "difference")}
    grid = [row for row in to_markdown(table).splitlines() if row.startswith("| ")]
    bodies = [row.split(" | ", 1)[1] for row in grid if "AUC0" not in row]
    printed = {n for row in bodies for n in re.findall(r"[+−]?\d[\d,]*\.?\d*", row)}
    assert len(printed) > 20
    assert printed <= known


def test_below_single_is_gray_and_says_whether_the_interval_excludes_zero(tmp_path):
    folders = [
        make_run(tmp_path, "single_task", (0.80, 0.80), loss=0.7),
        make_run(tmp_path, "mmoe", (0.79, 0.81), loss=0.71),
        make_run(tmp_path, "ml_mmoe", (0.799, 0.80), loss=0.69, noise=(0.01, -0.01, 0.0)),
    ]
    _, mmoe, ml_mmoe = main_results(folders).blocks[0].rows
    assert [(c.gray, c.mark) for c in mmoe.cells[:3]] == [(True, "‡"), (False, ""), (True, "‡")]
    assert (ml_mmoe.cells[0].gray, ml_mmoe.cells[0].mark) == (True, "†")
    assert (ml_mmoe.cells[2].gray, ml_mmoe.cells[2].strong) == (False, True)
    table = main_results(folders)
    assert "*0.7900 ± 0.0010‡*" in to_markdown(table)
    assert r"\textcolor{gray}{0.7900 $\pm$ 0.0010$^\ddagger$}" in to_latex(table)


@pytest.fixture
def table5(tmp_path):
    folders = [
        make_run(tmp_path, "single_task", (0.78,), 0.7270),
        make_run(tmp_path, "mtnas", (0.79,), 0.7250, noise=NOISE * 2),
        make_run(tmp_path, "mtnas", (0.79,), 0.7300, variant="mean_pooling"),
        make_run(tmp_path, "mtnas", (0.79,), 0.7260, variant="no_query_selection"),
        make_run(tmp_path, "mtnas", (0.79,), 0.8, dataset="insteval"),
    ]
    return variants(folders, names=NAMES)


def test_table_5_has_the_variants_beside_the_paper(table5):
    scores, gains = table5.blocks
    names = ["MTNAS (mean pooling)", "MTNAS (root query only)", "MTNAS"]
    assert [row.label for row in scores.rows] == names
    assert [row.label for row in gains.rows] == [f"MTNAS − {name}" for name in names[:2]]
    line = cell(table5, names[0], "Book-Crossing MTL loss")
    assert (line["value"], line["paper_value"]) == (pytest.approx(0.73), 0.7286)
    assert line["difference"] == pytest.approx(0.0014)
    gain = cell(table5, f"MTNAS − {names[0]}", "Book-Crossing MTL loss")
    assert gain["value"] == pytest.approx(-0.005)
    assert gain["paper_value"] == pytest.approx(0.7247 - 0.7286)
    assert gain["low"] < gain["value"] < gain["high"]
    text = to_markdown(table5)
    assert text.startswith("### Table 5. ")
    assert "*0.7300 ± 0.0010‡*<br>paper 0.7286 (+0.0014)" in text  # above Single
    assert "**0.7250 ± 0.0020**<br>paper 0.7247 (+0.0003)" in text
    assert r"\textcolor{gray}{0.7300" in to_latex(table5)
    grid = pd.read_csv(io.StringIO(to_csv(table5)))
    assert grid["Book-Crossing MTL loss minus paper"].iloc[0] == pytest.approx(0.0014)
    assert "| –" in text  # InstEval has no variants


def test_table_3_is_the_main_table_of_goodreads(tmp_path):
    auc = (0.81, 0.77, 0.82)
    folders = [
        make_run(tmp_path, "single_task", auc, dataset="goodreads"),
        make_run(tmp_path, "mtnas", (0.82, 0.76, 0.84), 1.07, dataset="goodreads"),
    ]
    table = main_results(folders, name="table3")
    assert to_markdown(table).startswith("### Table 3. ")
    line = cell(table, "MTNAS", "Goodreads AUC1")
    assert (line["paper_value"], line["table"]) == (0.7771, "table3")
    assert "*0.7600 ± 0.0010‡*<br>paper 0.7771 (−0.0171)" in to_markdown(table)


def test_simulated_data_say_so_and_get_no_number_of_the_paper(tmp_path):
    table = main_results([make_run(tmp_path, "mmoe", (0.8, 0.8), simulated=True)])
    assert "Book-Crossing (SIMULATED DATA)" in to_markdown(table)
    assert "paper 0." not in to_markdown(table)
    assert ledger(table)["paper_value"].isna().all()


def test_one_seed_has_neither_spread_nor_interval(tmp_path):
    folders = [make_run(tmp_path, m, (0.8,), seeds=(0,)) for m in ("mmoe", "mtnas")]
    rows = main_results(folders).blocks[0].rows
    assert all(row.cells[0].strong for row in rows)  # equal best means are all bold
    text = to_markdown(main_results(folders))
    assert "±" not in "".join(line for line in text.splitlines() if line.startswith("|"))
    assert "[no interval]" in text


def test_datasets_may_differ_in_tasks_and_methods(tmp_path):
    folders = [
        make_run(tmp_path, "mmoe", (0.8, 0.8)),
        make_run(tmp_path, "mtnas", (0.8, 0.8, 0.8), dataset="insteval"),
    ]
    table = main_results(folders)
    assert [c.title for c in table.blocks[0].columns].count("InstEval AUC2") == 1
    assert "| –" in to_markdown(table)


def test_runs_that_cannot_be_compared_are_refused(tmp_path):
    a = make_run(tmp_path, "mmoe", (0.8,))
    with pytest.raises(RecordError, match="same dataset"):
        main_results([a, a])
    with pytest.raises(RecordError, match="no seed in common"):
        main_results([a, make_run(tmp_path, "mtnas", (0.8,), seeds=(4, 5))])
    with pytest.raises(RecordError, match="at least one"):
        main_results([])


def test_different_seeds_are_compared_over_the_common_ones_and_say_so(tmp_path):
    far = (0.0002, 0.0008, 0.1, 0.1)  # seeds 1, 2 and two that MTNAS lacks
    folders = [
        make_run(tmp_path, "single_task", (0.78, 0.80)),
        make_run(tmp_path, "mmoe", (0.77, 0.81), seeds=(1, 2, 7, 8), noise=far),
        make_run(tmp_path, "mtnas", (0.79, 0.82)),
    ]
    table = main_results(folders)
    line = cell(table, "MTNAS − MMoE", "Book-Crossing AUC0")
    assert (line["seeds"], line["value"]) == (2, pytest.approx(0.02))
    assert cell(table, "MMoE", "Book-Crossing AUC0")["seeds"] == 4
    assert cell(table, "MTNAS − Single", "Book-Crossing AUC0")["seeds"] == 3
    assert cell(table, "MTNAS − MMoE", "Book-Crossing seeds for 0.001 AUC")["seeds"] == 2
    note = "Not all runs have the same seeds. Book-Crossing: MTNAS 3, MMoE 4 (2 in common). "
    assert note in to_markdown(table)
    # The mean of all four is above Single's, that of the two is below.
    mmoe = table.blocks[0].rows[1].cells[0]
    assert (mmoe.value, mmoe.mark) == (pytest.approx(0.77 + 0.05025), "‡")
    assert "Not all runs" not in to_markdown(main_results([folders[0], folders[2]]))


def tuned(folder, **chosen):
    told = {
        name.replace("__", "."): {"value": value, "instead_of": old, "from": "best.json"}
        for name, (value, old) in chosen.items()
    }
    edit_run_record(folder, lambda record: record["spec"].update(tuned=told))


def test_tuned_runs_are_marked_and_told(folders):
    plain = to_markdown(main_results(folders, names=NAMES))
    assert "¶" not in plain
    tuned(folders[1], training__learning_rate=(0.003, 0.001), options__num_experts=(4, 4))
    table = main_results(folders, names=NAMES)
    text = to_markdown(table)
    assert [row.title for row in table.blocks[0].rows][:2] == ["Single", "Share-Bottom ¶"]
    assert table.blocks[1].rows[1].title == "MTNAS − Share-Bottom ¶"
    note = "Book-Crossing, Share-Bottom: learning_rate 0.003 (for 0.001), num_experts 4."
    assert note in text.replace("\\", "")
    assert text.replace(" ¶", "").startswith(plain.rstrip())
    assert r"Share-Bottom $^\P$ &" in to_latex(table)
    assert cell(table, "Share-Bottom", "Book-Crossing AUC0")["value"] == pytest.approx(0.77)


def test_table_5_marks_tuned_variants(tmp_path):
    folders = [
        make_run(tmp_path, "mtnas", (0.79,), 0.7250),
        make_run(tmp_path, "mtnas", (0.79,), 0.7300, variant="mean_pooling", seeds=(0, 1)),
    ]
    tuned(folders[1], training__weight_decay=(0.005, 0.0005))
    text = to_markdown(variants(folders, names=NAMES))
    assert "| MTNAS (mean pooling) ¶ |" in text
    assert "MTNAS (mean pooling): weight_decay 0.005 (for 0.0005)" in text.replace("\\", "")
    assert "Book-Crossing: MTNAS 3, MTNAS (mean pooling) 2 (2 in common)" in text


def test_a_seed_without_a_metric_is_refused(tmp_path):
    folder = make_run(tmp_path, "mmoe", (0.8, 0.8))
    metrics = pd.read_csv(folder / "metrics.csv")
    write_scores(folder, metrics.query("not (seed == 2 and task == 't1')"))
    with pytest.raises(RecordError, match=r"seeds \[2\]"):
        main_results([folder])


def test_a_fixed_split_is_told_where_the_spread_is(tmp_path):
    folders = [make_run(tmp_path, "mmoe", (0.8, 0.8), split_kind="time", dataset="loans")]
    fixed = main_results(folders).notes
    assert any(note.startswith("loans: one split for every seed") for note in fixed)
    folders = [make_run(tmp_path, "mmoe", (0.8, 0.8))]
    assert not any("one split for every seed" in note for note in main_results(folders).notes)


def test_models_that_predict_one_value_are_told_below_the_table(tmp_path):
    dead = np.array([0.01, 0.0, 0.0])
    folders = [
        make_run(tmp_path, "mmoe", (0.8, 0.5), noise=dead),
        make_run(tmp_path, "mtnas", (0.8, 0.7)),
    ]
    (note,) = [n for n in main_results(folders).notes if "predict one value" in n]
    assert note.endswith("Book-Crossing, MMoE, AUC1: 2 of 3.")
    assert not any("predict one value" in n for n in main_results(folders[1:]).notes)


def make_manifest(path, dataset, *, simulated=False, pcc=None):
    names = dict.fromkeys(name for pair in pcc or ["t0_t1"] for name in pair.split("_"))
    return write_manifest(
        path,
        dataset,
        simulated=simulated,
        num_features=5000,
        tasks=tuple(TaskSummary(name=name, rule="r > 0") for name in names),
        label_rates={"t0": 0.5, "t1": 0.1},
        label_pcc={"t0_t1": 0.25} if pcc is None else pcc,
        split_sizes={"train": 7, "valid": 2, "test": 1},
    )


def test_data_statistics_beside_the_paper(tmp_path):
    paths = [make_manifest(tmp_path / f"{d}.json", d) for d in ("bookcrossing", "movielens")]
    table = data_statistics(paths)
    rows = {row.label: [cell.value for cell in row.cells] for row in table.blocks[0].rows}
    assert rows == {
        "Book-Crossing": [7, 2, 1, 2, 5000, 2],
        "Book-Crossing, in the paper": [800_000, 200_000, 149_780, 15, 1_000_000, 2],
        "Book-Crossing, difference": [-799_993, -199_998, -149_779, -13, -995_000, 0],
        "MovieLens": [7, 2, 1, 2, 5000, 2],
    }
    assert "−799,993" in to_markdown(table)
    assert cell(table, "Book-Crossing", "#Train")["difference"] == 7 - 800_000
    assert r"\#Train" in to_latex(table)


def test_tables_beside_the_paper_say_of_which_data_they_are_not(tmp_path):
    names = ("bookcrossing", "movielens", "tiktok")
    paths = [make_manifest(tmp_path / f"{d}.json", d) for d in names]
    for name in names[:2]:
        make_run(tmp_path, "mmoe", (0.8, 0.8), dataset=name)
    folders = [tmp_path / name / "mmoe" / "paper" for name in names[:2]]
    note = (
        "Other data than the paper's (Table 1): Book-Crossing has 10 examples in 2 fields here, "
        "1,149,780 in 15 in the paper."
    )
    assert main_results(folders, manifests=paths).notes[-1] == note
    assert note not in main_results(folders).notes
    write_manifest(
        paths[0],
        "bookcrossing",
        num_features=1_000_000,
        fields=(FieldSummary(name="f", kind="id", help=""),) * 15,
        split_sizes={"train": 800_000, "valid": 200_000, "test": 149_780},
    )
    assert other_data(paths[:2]) is None
    simulated = make_manifest(tmp_path / "s.json", "bookcrossing", simulated=True)
    assert other_data([simulated]) is None


def test_simulated_manifests_get_no_row_of_the_paper(tmp_path):
    path = make_manifest(tmp_path / "m.json", "bookcrossing", simulated=True)
    assert "800,000" not in to_markdown(data_statistics([path]))
    assert "paper 0.348" not in to_markdown(label_correlations([path]))
    assert "SIMULATED DATA" in to_markdown(label_correlations([path]))


@pytest.mark.parametrize("kind", ["md", "tex", "csv", "cells"])
@pytest.mark.parametrize("build", [main_results, data_statistics, label_correlations])
def test_every_file_of_a_table_of_simulated_data_says_so(tmp_path, build, kind):
    source = make_manifest(tmp_path / "m.json", "bookcrossing", simulated=True)
    if build is main_results:
        source = make_run(tmp_path, "mmoe", (0.8, 0.8), simulated=True)
    write_table(build([source]), **{kind: tmp_path / "table"})
    text = (tmp_path / "table").read_text()
    assert "SIMULATED DATA" in text
    assert text.count("Book-Crossing") == text.count("Book-Crossing (SIMULATED DATA)") > 0


def test_label_correlations(tmp_path):
    three = {"t0_t1": 0.5, "t0_t2": 0.2}
    paths = [
        make_manifest(tmp_path / "a.json", "bookcrossing"),
        make_manifest(tmp_path / "b.json", "insteval", pcc=three),
    ]
    table = label_correlations(paths)
    assert [c.label for c in table.blocks[0].columns] == ["t0 & t1", "t0 & t2"]
    assert "0.250<br>paper 0.348 (−0.098)" in to_markdown(table)
    assert len(ledger(table)) == 3  # nothing where a table has no such pair
    assert r"t0 \& t1" in to_latex(table)


def test_correlations_of_tasks_with_names_stand_below(tmp_path):
    two = {"likes_mood": 0.4, "likes_never_returned": -0.1}
    tasks = tuple(TaskSummary(name=n, rule="") for n in ("likes", "mood", "never_returned"))
    table = label_correlations(
        [
            make_manifest(tmp_path / "a.json", "bookcrossing"),
            write_manifest(tmp_path / "b.json", "library", tasks=tasks, label_pcc=two),
            write_manifest(tmp_path / "c.json", "minutes", label_pcc={}),
        ]
    )
    columns = [[column.label for column in block.columns] for block in table.blocks]
    assert columns == [["t0 & t1"], ["likes & mood", "likes & never_returned"]]
    assert [[row.label for row in block.rows] for block in table.blocks] == [
        *(["Book-Crossing"], ["library"]),
    ]
    assert "No two labels of minutes have a correlation." in table.notes
    assert table.blocks[1].rows[0].cells[1].source.metric == "pcc_likes_never_returned"


def test_a_manifest_that_was_changed_is_refused(tmp_path):
    path = make_manifest(tmp_path / "m.json", "x")
    path.write_text(path.read_text().replace('"train": 7', '"train": 8'))
    with pytest.raises(RecordError, match=r"m.json: was changed .*run `.*m.json`"):
        data_statistics([path])


def test_the_same_table_gives_the_same_bytes(table, folders, tmp_path):
    for name, made in (("a", table), ("b", main_results(folders, names=NAMES))):
        paths = {kind: tmp_path / name / f"t.{kind}" for kind in ("csv", "md", "tex", "cells")}
        write_table(made, **paths)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    grid = pd.read_csv(io.StringIO(to_csv(table)))
    assert grid["Book-Crossing AUC0"].iloc[0] == pytest.approx(0.78)


def test_the_papers_numbers():
    assert paper_value("table2", "bookcrossing", "mtnas", "mtl_loss") == 0.7247
    assert paper_value("table2", "bookcrossing", "single_task", "mtl_loss") is None
    assert paper_value("table4", "goodreads", None, "t1_t2") == 0.124
    assert paper_score("goodreads", "mmoe", "auc_t2") == 0.8441
    assert paper_score("movielens", "mmoe", "auc_t0") is None
    with pytest.raises(ConfigError, match="table9"):
        paper_value("table9", "bookcrossing", None, "train")


def test_display_names():
    assert dataset_name("insteval") == "InstEval"
    assert dataset_name("new", simulated=True) == "new (SIMULATED DATA)"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("title: Loans of a library\nlabel: Loans\n", "Loans"),
        ("title: Loans of a library\n", "Loans of a library"),
        ("path: loans.csv\n", "mine"),
        ("[broken]\n", "mine"),
    ],
)
def test_a_dataset_in_yaml_is_called_by_its_label_or_title(tmp_path, monkeypatch, content, name):
    (tmp_path / "mine.yaml").write_text(content)
    monkeypatch.setattr(plugins, "DECLARED", tmp_path)
    assert dataset_name("mine") == name


@pytest.mark.parametrize(
    ("column", "unit", "heading"),
    [
        ("auc_t3", "", "AUC3"),
        ("auc_likes", "", "AUC likes"),
        ("auc_t", "", "AUC t"),
        ("accuracy_t1", "", "accuracy t1"),
        ("rmse_stars", "minutes", "RMSE stars (minutes)"),
        ("r2_stars", "minutes", "R² stars"),
        ("log_loss_never_married", "", "log loss never_married"),
        ("mtl_loss", "", "MTL loss"),
    ],
)
def test_headings(column, unit, heading):
    assert column_name(column, unit) == heading


LIBRARY = {"auc_likes": 0.8, "accuracy_likes": 0.7, "log_loss_likes": 0.5, "rmse_minutes": 12.0,
           "r2_minutes": 0.3, "mse_minutes": 0.9}  # fmt: skip
BETTER = {
    **LIBRARY,
    "accuracy_likes": 0.6,
    "auc_likes": 0.9,
    "rmse_minutes": 11.0,
    "r2_minutes": 0.4,
}


@pytest.fixture
def library(tmp_path):
    tasks = (
        TaskSummary(name="likes", rule="stars >= 4"),
        TaskSummary(name="minutes", rule="minutes", kind="regression", unit="min"),
    )
    manifest = write_manifest(tmp_path / "library.json", "library", tasks=tasks, label_pcc={})
    runs = [
        make_run(tmp_path, "single_task", LIBRARY, 1.4, dataset="library"),
        make_run(tmp_path, "mtnas", BETTER, 1.3, dataset="library", noise=NOISE * 2),
    ]
    return runs, manifest


def test_every_task_has_its_metrics_by_its_own_name(library):
    runs, manifest = library
    table = main_results(runs, manifests=[manifest])
    scores, gains = table.blocks
    heads = [column.label for column in scores.columns]
    assert heads == [
        *("AUC likes", "accuracy likes", "RMSE minutes (min)", "R² minutes", "MTL loss"),
        *("dense parameters", "seeds"),
    ]
    assert [column.label for column in gains.columns] == [*heads[:5], "seeds for 0.001 AUC"]
    single, mtnas = scores.rows
    assert [cell.strong for cell in single.cells[:5]] == [False, True, False, False, False]
    assert [cell.strong for cell in mtnas.cells[:5]] == [True, False, True, True, True]
    assert gains.rows[0].cells[2].value == pytest.approx(-1.0)
    assert "Positive AUC or accuracy or R² and negative RMSE or loss favour MTNAS" in " ".join(
        table.notes
    )
    line = cell(table, "MTNAS", "library RMSE minutes (min)")
    assert (line["metric"], line["task"]) == ("rmse", "minutes")
    assert "RMSE minutes (min) & R$^2$ minutes" in to_latex(table)


def test_datasets_of_other_tasks_stand_below(library, folders):
    runs, manifest = library
    alone, table = main_results(folders), main_results([*folders, *runs], manifests=[manifest])
    assert [block.title for block in table.blocks] == [
        "Book-Crossing",
        "Book-Crossing: Paired difference over seeds, with its 95 % interval",
        "library",
        "library: Paired difference over seeds, with its 95 % interval",
    ]
    assert [block.rows for block in table.blocks[:2]] == [block.rows for block in alone.blocks]
    assert [row.label for row in table.blocks[2].rows] == ["Single", "MTNAS"]
    for text in (to_markdown(table), to_latex(table), to_csv(table), to_ledger(table)):
        assert "RMSE minutes (min)" in text


def test_without_an_auc_no_seeds_are_counted_for_one(tmp_path):
    scores = {"rmse_minutes": 12.0}
    runs = [make_run(tmp_path, m, scores, dataset="library") for m in ("single_task", "mtnas")]
    table = main_results(runs)
    assert [column.label for column in table.blocks[1].columns] == ["RMSE minutes", "MTL loss"]
    assert "AUC" not in to_markdown(table)
