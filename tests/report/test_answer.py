"""The answer of a study in sentences: planted results must change what is said."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mtnas.evidence.search_record import SearchRecord
from mtnas.report.answer import Answer, Interval, Statement, read_answer, searching
from mtnas.report.answer.build import answers, write
from mtnas.report.answer.causes import tables_per_task
from mtnas.report.answer.contents import write_contents
from mtnas.report.answer.form import MOST_LINES, WIDTH, to_text
from mtnas.report.answer.needs import needs_of
from mtnas.report.answer.searching import QUESTION as SEARCHING
from mtnas.report.answer.searching import decided
from mtnas.report.answer.sharing import QUESTION as SHARING
from mtnas.report.claims import write_ledger
from mtnas.report.decided import MEANING
from mtnas.report.exhibits.answer import EXHIBIT
from mtnas.report.published.documents import fill
from mtnas.report.runs import read_results
from mtnas.report.site.page import write_report
from mtnas.report.site.sources import Sources
from mtnas.routes.named import share_bottom
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Facts, Plan, Variant
from tests.conftest import REPOSITORY
from tests.helpers.pages import Page
from tests.helpers.runs import make_run
from tests.helpers.searches import write_search

SEEDS = tuple(range(10))
SPACE = SearchSpace(1, 3, 2, "root")
SIMPLE = ("single_task", "share_bottom", "mmoe", "ml_mmoe")
BLIND = ("mtnas", "random_routes")


def noise(number):
    """Return what the seeds add to one run: below .002, another for each run."""
    return np.random.default_rng(number).normal(0, 0.0007, len(SEEDS))


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Make the runs of a study from scores by (method, variant); return its answers."""
    monkeypatch.chdir(tmp_path)

    def make(scores, datasets=("movielens",), seeds=SEEDS, simulated=False, worse=(), judged=False):
        runs, folders = [], []
        for dataset in datasets:
            for number, ((method, variant), level) in enumerate(scores.items()):
                shift = -0.02 if (dataset, method) in worse else 0.0
                planted = {name: value + shift for name, value in level.items()}
                loss = planted.pop("mtl_loss", 0.7)
                folders.append(
                    make_run(
                        tmp_path / "results" / "runs", method, planted, loss, variant=variant,
                        dataset=dataset, seeds=seeds, noise=noise(number), simulated=simulated,
                    )
                )  # fmt: skip
                runs.append((dataset, method, variant))
        blind = Variant("random routes", {"search.strategy": "random"}, 1)
        tuned = Variant("fine-tuned", {"derive": "finetune"}, 2)
        plan = Plan(
            {name: Facts(2) for name in datasets},
            {"main": runs},
            variants={BLIND: blind, ("mtnas", "finetune"): tuned},
        )
        (tmp_path / "claims.json").write_text("[]")
        if judged:
            write_ledger("claims.json", "claims.md", run_folders=folders)
        needs = needs_of(plan)
        found = answers(without_manifests(needs), "claims.json")
        make.plan = plan
        return {answer.question: answer for answer in found}

    return make


def without_manifests(needs):
    return type(needs)(**{**needs.__dict__, "manifests": ()})


def alike(**changed):
    """Return scores of all methods, the same but for those of some `method__variant`."""
    rows = {(method, "paper"): 0.75 for method in (*SIMPLE, "mtnas")} | {BLIND: 0.75}
    rows |= {tuple(key.split("__")): value for key, value in changed.items()}
    return {row: {"auc_click": level, "auc_buy": level} for row, level in rows.items()}


def texts(answer, kind):
    return " ".join(answer.texts(kind))


def test_nothing_measurable_is_said_as_such(study):
    found = study(alike())

    assert list(found)[0] == SHARING  # not a dataset of the paper
    said = texts(found[SHARING], "found")
    assert "use Share-Bottom (one model for all tasks), the simplest" in said
    assert "None of 4 other methods is measurably better" in said
    assert texts(found[SEARCHING], "found").startswith("No: MTNAS, which searches, is not")


@pytest.mark.parametrize("method, name", [("mmoe", "MMoE"), ("single_task", "Single")])
def test_a_planted_method_that_is_better_is_recommended(study, method, name):
    found = study(alike(**{f"{method}__paper": 0.77}))

    said = texts(found[SHARING], "found")
    assert f"use {name}" in said
    assert "better than Share-Bottom by 0.02" in said or "better than Share-Bottom by 0.019" in said
    interval = next(i for i in found[SHARING].intervals if i.label == f"{name} − Share-Bottom")
    assert 0 < interval.low < interval.estimate < interval.high
    assert interval.verdict == "better, after correction for 4 comparisons"
    assert interval.dataset == "MovieLens"


def test_a_search_that_wins_is_said_to_win(study):
    found = study(alike(mtnas__paper=0.77))

    said = texts(found[SEARCHING], "found")
    assert said.startswith("Yes: MTNAS, which searches, is measurably better than every simple")
    assert (
        "It beats routes that nobody searched: of 1 comparison with random routes, 1 favours"
        in said
    )
    assert "keep random routes beside it" in texts(found[SEARCHING], "do")


def test_a_control_that_beats_the_search_is_said_to(study):
    found = study(alike(mtnas__random_routes=0.77))

    assert "Routes that nobody searched beat it" in texts(found[SEARCHING], "found")
    assert "random routes" not in texts(found[SHARING], "found")  # no control is recommended


def test_a_search_is_as_decided_as_its_entropies(tmp_path):
    def search(dataset, entropy, variant="paper"):
        told = {"probability": 0.1, "entropy": entropy, "uniform_entropy": 2.0}
        path = write_search(
            tmp_path / f"{dataset}_{variant}.json", {0: share_bottom(SPACE)}, dataset=dataset,
            variant=variant, blocks=lambda route: dict.fromkeys(SPACE.blocks, told),
        )  # fmt: skip
        return SearchRecord.read(path)

    sure, unsure, other = search("a", 0.4), search("b", 1.9), search("c", 2.0, "other")
    left = f"of the entropy of blind choice is left ({MEANING})."
    assert decided([sure, other]) == f"The search has decided: when it ends, 20% {left}"
    assert decided([sure, unsure]) == (
        f"The search has not decided on 1 of 2 datasets: when it ends, 20% to 95% {left}"
    )
    assert decided([unsure]).startswith("The search has not decided: when")
    assert decided([other]) == ""


def test_of_several_datasets_each_has_its_own_sentence(study):
    found = study(
        alike(mtnas__paper=0.765), datasets=("movielens", "insteval"),
        worse=[("insteval", "mtnas")],
    )  # fmt: skip

    assert "In part: MTNAS, which searches, is measurably better than every simple method on " in (
        texts(found[SEARCHING], "found")
    )
    told = found[SHARING].texts("found")
    assert told[0].startswith("MovieLens: use MTNAS")
    assert told[1].startswith("InstEval: use Share-Bottom")


def test_a_task_that_loses_is_named(study):
    scores = alike(mmoe__paper=0.78)
    scores["mmoe", "paper"]["auc_buy"] = 0.74
    said = texts(study(scores)[SHARING], "found")

    assert "use MMoE" in said
    assert "not every task gains. With MMoE, buy is worse by 0.0" in said
    assert "click is worse" not in said


def test_a_gain_that_no_control_could_have_is_told_as_such(study):
    rows = alike()
    rows["mtnas", "finetune"] = {"auc_click": 0.78, "auc_buy": 0.78}
    found = study(rows)

    assert "use MTNAS (fine-tuned)" in texts(found[SHARING], "found")
    assert (
        "use MTNAS (fine-tuned), which trains on with the weights that the search left: another"
        in (texts(found[SHARING], "found"))
    )
    assert "mtnas export results/runs/movielens/mtnas/finetune" in texts(found[SHARING], "do")


def test_one_seed_has_no_interval(study):
    found = study(alike(mmoe__paper=0.77), seeds=(0,))

    assert "one seed shows nothing" in texts(found[SHARING], "found")
    assert "One seed shows nothing" in texts(found[SEARCHING], "found")
    assert "seeds: 5" in texts(found[SHARING], "do")
    assert not found[SHARING].intervals


def test_without_an_auc_the_loss_decides(study):
    scores = {
        (method, "paper"): {"rmse_minutes": 3.0, "mtl_loss": 0.70 - 0.02 * (method == "mmoe")}
        for method in SIMPLE
    }
    found = study(scores)

    assert "use MMoE" in texts(found[SHARING], "found")
    assert "test loss" in texts(found[SHARING], "asked")
    assert SEARCHING not in found
    said = texts(found[SHARING], "found")
    assert "better than Share-Bottom by 0.0" in said
    assert "loss (lower is better; 95 % interval −0.0" in said
    gained = next(i for i in found[SHARING].intervals if i.label.startswith("MMoE"))
    assert gained.low > 0
    assert gained.unit.startswith("fall of test loss")


@pytest.mark.parametrize(
    "loss, words, low", [(0.68, "below", "−0.02"), (0.72, "above", "+0.01")]
)  # fmt: skip
def test_a_lower_loss_is_told_as_lower(study, loss, words, low):
    scores = {(m, "paper"): {"rmse_minutes": 3.0, "mtl_loss": 0.70} for m in (*SIMPLE, "mtnas")}
    scores["mtnas", "paper"]["mtl_loss"] = loss
    said = texts(study(scores)[SEARCHING], "found")

    assert said.startswith("Yes" if loss < 0.7 else "No")
    assert f"loss {words} " in said
    assert f"lower is better; 95 % interval {low}" in said


def test_the_largest_difference_is_one_of_auc_whatever_the_losses_are(tmp_path):
    folders = [
        make_run(
            tmp_path, method, {f"{kind}_a": 0.75 + gained * searched}, 0.9 - 0.2 * searched,
            dataset=dataset, seeds=SEEDS, noise=noise(number),
        )
        for number, (dataset, kind, gained) in enumerate(
            [("movielens", "auc", 0.011), ("insteval", "rmse", -0.2)]
        )
        for method, searched in (("mtnas", True), ("mmoe", False))
    ]  # fmt: skip
    told = searching.answer(read_results(folders), ["movielens", "insteval"], [], [])
    of_loss = searching.answer(read_results(folders[2:]), ["insteval"], [], [])

    assert "The largest difference of AUC: 0.0110 AUC above MMoE on MovieLens" in told.texts()[1]
    assert "The largest difference: 0.20000000 loss below MMoE on InstEval" in of_loss.texts()[1]


def own_tables(tmp_path, share_bottom, own, spread):
    """Return what tables per task explain; `spread` is the noise of the run that has them."""

    def run(method, level, number, variant="paper", times=1.0):
        return make_run(
            tmp_path, method, {"auc_click": level}, variant=variant, dataset="movielens",
            seeds=SEEDS, noise=noise(number) * times,
        )  # fmt: skip

    results = read_results(
        [
            run("single_task", 0.780, 0),
            run("share_bottom", share_bottom, 1),
            run("share_bottom", own, 2, "own_tables", spread),
        ]
    )
    (said,) = tables_per_task(results, [("share_bottom", "own_tables")])
    return said.text


@pytest.mark.parametrize(
    "own, spread, begins",
    [
        (0.781, 1, "Embedding tables explain the lead"),
        (0.775, 1, "Embedding tables explain 49 % of the lead"),
        (0.772, 40, "It is not shown that embedding tables explain the lead"),
        (0.760, 1, "Embedding tables do not explain the lead"),
    ],
)
def test_tables_explain_only_what_they_measurably_change(tmp_path, own, spread, begins):
    said = own_tables(tmp_path, 0.770, own, spread)
    assert said.startswith(begins)
    assert ("may be luck" in said) == (spread > 1)


@pytest.mark.parametrize("methods", [("single_task", "share_bottom"), ("mtnas", "cut_mmoe")])
def test_a_study_of_the_paper_without_search_or_rival_has_a_chart(study, methods):
    scores = {(method, "paper"): {"auc_click": 0.75} for method in methods}
    found = study(scores, datasets=("bookcrossing",))

    assert SEARCHING not in found
    (needs,) = EXHIBIT.needs(study.plan).values()
    frame = EXHIBIT.data(EXHIBIT.read(without_manifests(needs)))
    assert list(frame["dataset"]) == ["Book-Crossing"]


def test_routes_that_nobody_searched_are_not_judged_by_one_seed(study):
    assert "nobody searched" not in texts(study(alike(), seeds=(0,))[SEARCHING], "found")


def test_simulated_rows_say_nothing_of_real_ones(study):
    found = study(alike(), simulated=True)

    assert "says nothing of real data" in texts(found[SHARING], "sure")
    assert "SIMULATED DATA" in texts(found[SHARING], "found")


def test_a_dataset_of_the_paper_is_asked_first_whether_the_search_wins(study):
    assert list(study(alike(), datasets=("bookcrossing",)))[0] == SEARCHING


def test_claims_come_last_and_are_counted(study):
    found = study(alike(mmoe__paper=0.78), judged=True, datasets=("bookcrossing",))
    last = found["Do the claims of the paper hold on these data?"]

    own = "Do the claims of our own hold on these data?"  # of searches against blind draws
    assert list(found)[-2:] == [last.question, own]
    assert "contradicted" in texts(last, "found")
    assert "not measured" in texts(last, "found")
    assert "run .venv/bin/snakemake" in texts(last, "do")
    first = last.intervals[0]
    assert first.label.startswith("C1: ")
    assert not first.low <= 0 <= first.high
    assert first.verdict.startswith("contradicted: against the claim, also after correction for")


def test_claims_on_data_beyond_the_paper_are_told_apart(study):
    found = study(alike(mmoe__paper=0.78), judged=True)
    last = found["Do the claims of the paper hold on these data?"]

    said = last.texts("found")
    assert "contradicted" not in said[0] and "not measured" in said[0]
    assert "which decide nothing" in said[1] and "would be contradicted" in said[1]
    assert not last.intervals


def test_what_does_not_survive_correction_is_said_to_be_undecided(study):
    rows = alike(mmoe__paper=0.75075)  # in a test of its own it is better
    found = study(rows)

    interval = next(i for i in found[SHARING].intervals if i.label.startswith("MMoE"))
    assert interval.verdict == "better, but not after correction for 4 comparisons"
    assert interval.low <= 0 <= interval.high
    assert "use Share-Bottom" in texts(found[SHARING], "found")


def test_no_published_verdict_contradicts_its_interval():
    entries = json.loads((REPOSITORY / "results/published/claims/claims.json").read_text())
    checked = 0
    for entry in (entry for entry in entries if entry["interval"] is not None):
        low, high = entry["interval"]
        head = next(c for c in entry["comparisons"] if c["deciding"] == entry["interval"])
        beyond = high < head["null"] or low > head["null"]
        checked += 1
        if entry["verdict"] in ("contradicted", "replicated"):
            assert beyond, entry["id"]
        else:
            assert not beyond or "not timed side by side" in head["what"], entry["id"]
    assert checked > 10


def test_a_study_of_nothing_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_ledger("claims.json", "claims.md", run_folders=[])
    (only,) = answers(needs_of(Plan()), "claims.json")
    assert "nothing that could be compared" in only.texts("found")[0]


def test_written_answers_are_read_again(study, tmp_path):
    study(alike())
    plan = Plan(datasets={"movielens": Facts(2)})
    write(needs_of(plan), "claims.json", json="a.json", md="a.md", beside=["results/tables/t.md"])

    (first, *_) = read_answer("a.json")
    assert "Of another study, and no part of this answer: results/tables/t.md" in first.texts()[-1]


FIRST = "generated: answer"


def everywhere(study, scores, dataset):
    """Return what the terminal, the report and README say of a study, without breaks of lines."""
    shutil.rmtree("results", ignore_errors=True)
    study(scores, datasets=(dataset,))
    needs = without_manifests(needs_of(study.plan))
    Path("published").mkdir(exist_ok=True)
    write(needs, "claims.json", json="published/answer.json", md="answer.md")
    sources = Sources(answer="published/answer.json", run_folders=needs.run_folders)
    write_report("report.html", sources)
    block = f"<!-- {FIRST} -->\n<!-- /generated -->\n"
    told = {
        "terminal": Path("answer.md").read_text(encoding="utf-8"),
        "report": Page(Path("report.html").read_text(encoding="utf-8")).words,
        "README": fill(block, Path("published"), "README.md"),
    }
    return {place: " ".join(text.split()) for place, text in told.items()}


@pytest.mark.parametrize(
    ("dataset", "planted", "before", "after"),
    [
        ("movielens", "mmoe__paper", "use Share-Bottom (one model", "use MMoE. It is better"),
        ("bookcrossing", "mtnas__paper", "No: MTNAS, which searches, is not measurably better",
         "Yes: MTNAS, which searches, is measurably better"),
    ],
)  # fmt: skip
def test_a_method_that_is_planted_to_be_better_changes_readme_report_and_terminal(
    study, dataset, planted, before, after
):
    for place, text in everywhere(study, alike(), dataset).items():
        assert before in text and after not in text, place
    for place, text in everywhere(study, alike(**{planted: 0.77}), dataset).items():
        assert after in text and before not in text, place


def test_readme_and_the_terminal_show_that_very_answer():
    """README holds the block, and a run ends with the text (tests/workflow/test_mtnas_run.py)."""
    assert f"<!-- {FIRST} -->" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("broken", ["", "{}", '{"answers": [{"question": 3}]}', "[]"])
def test_a_broken_answer_is_refused(tmp_path, broken):
    (tmp_path / "answer.json").write_text(broken)
    with pytest.raises(RecordError, match=r"answer\.json: .*; delete it and run"):
        read_answer(tmp_path / "answer.json")


def test_the_text_fits_a_terminal_and_counts_what_it_leaves_out():
    said = [Statement(kind="found", text=f"Sentence {n} " + "word " * 60) for n in range(9)]
    said += [Statement(kind="do", text="Do this next.")]
    text = to_text([Answer(question="Why?", statements=tuple(said))])

    lines = text.splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDTH
    assert lines[0] == "Why?"
    assert "* Do this next." in lines
    shown = text.count("* ")
    assert lines[-1] == f"{10 - shown} more sentences: results/report.html"


def test_the_chart_draws_the_comparisons_of_the_answer(study):
    study(alike(mmoe__paper=0.77))
    (needs,) = EXHIBIT.needs(study.plan).values()
    frame = EXHIBIT.data(EXHIBIT.read(without_manifests(needs)))

    better = frame[frame["sign"] > 0]
    assert list(better["method"]) == ["MMoE"]
    assert (better["compared_with"] == "Share-Bottom").all()
    assert not frame["method"].str.contains("random").any()
    figure, caption = EXHIBIT.draw(frame)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(frame["method"])
    assert "corrected" in caption


def test_the_chart_of_one_seed_has_dots_alone(study):
    study(alike(), seeds=(0,))
    (needs,) = EXHIBIT.needs(study.plan).values()
    frame = EXHIBIT.data(EXHIBIT.read(without_manifests(needs)))

    assert frame[["low", "high"]].isna().to_numpy().all()
    assert frame["gain"].notna().all()


def test_one_method_alone_has_no_chart():
    plan = Plan({"movielens": Facts(2)}, {"main": [("movielens", "mmoe", "paper")]})
    assert EXHIBIT.needs(plan) == {}


def test_what_another_study_left_is_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results, aside = tmp_path / "results", tmp_path / "results/aside"
    for name in ("tables/t2.md", "tables/t4.md", "tables/t4.cells.csv", "figures/f.png"):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).touch()
    for place in ("runs/d/mmoe/paper", "diagnosis/d"):
        (results / place).mkdir(parents=True)
    beside = write_contents("results/contents.json", ["results/tables/t2.md"])

    places = ["aside/tables/t4.md", "aside/figures/f.png", "diagnosis/d"]
    assert beside == [f"results/{place}" for place in places]
    content = json.loads((results / "contents.json").read_text())
    assert content["of_another_study"] == [*beside, "results/runs/d/mmoe/paper"]
    assert [file.name for file in results.glob("tables/*")] == ["t2.md"]
    assert {file.name for file in aside.glob("tables/*")} == {"t4.md", "t4.cells.csv"}

    (results / "tables/t4.md").write_text("made again")
    again = write_contents("results/contents.json", ["results/tables/t4.md"])
    assert (results / "tables/t4.md").read_text() == "made again"
    assert again[0] == "results/aside/tables/t2.md" and not list(aside.glob("tables/t4*"))


def test_the_interval_of_an_answer_holds_its_estimate():
    fields = {"label": "a", "dataset": "d", "unit": "AUC", "verdict": "better"}
    assert Interval(low=-1, estimate=0, high=1, **fields).anchor is None
