"""`mtnas compare`: known differences, the verdict in words, and what is refused."""

import numpy as np
import pytest
from scipy import stats

from mtnas.__main__ import main
from mtnas.evidence.resampling import FIXED
from mtnas.evidence.statistics import seeds_needed
from tests.helpers.runs import edit_run_record, make_run

NOISE = np.array([-0.004, 0.001, 0.002, 0.001])
SEEDS = (0, 1, 2, 3)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Make runs below results/runs by method and AUCs; their losses are equal."""
    monkeypatch.chdir(tmp_path)

    def make(method, auc, **more):
        told = {"dataset": "toys", "noise": NOISE, "seeds": SEEDS, **more}
        return make_run(tmp_path / "results/runs", method, auc, **told)

    return make


def compare(capsys, *names):
    status = main(["compare", *map(str, names)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_sure_difference_is_told_with_its_interval(runs, capsys):
    runs("mtnas", (0.80, 0.70))
    runs("mmoe", (0.79, 0.70), noise=NOISE[::-1] / 10)
    status, out, _ = compare(capsys, "toys/mtnas/paper", "toys/mmoe/paper")
    gains = (0.80 + NOISE) - (0.79 + NOISE[::-1] / 10)
    half = stats.t.ppf(0.975, 3) * stats.sem(gains) * (1 + 4 * 0.125) ** 0.5
    assert status == 0
    line = next(line for line in out.splitlines() if line.startswith("AUC0"))
    low, high = gains.mean() - half, gains.mean() + half
    told = f"{gains.mean():+.4f} [{low:+.4f}, {high:+.4f}] mtnas/paper is better"
    assert " ".join(line.split()).endswith(told)
    assert "toys: mtnas/paper minus mmoe/paper, test scores, seeds 0 to 3" in out
    assert "Verdict: mtnas/paper is better in AUC0 (3 scores, with Holm's" in out


def test_a_row_says_what_the_verdict_says(runs, capsys):
    """The interval of AUC0 excludes zero, but among three scores that may be luck."""
    one = runs("mtnas", (0.8021, 0.7))
    other = runs("mmoe", (0.8, 0.7), noise=NOISE + [0.001, -0.001, 0.0005, -0.0005])
    _, out, _ = compare(capsys, one, other)
    line = next(line for line in out.splitlines() if line.startswith("AUC0"))
    assert "[+0." in line and line.endswith("undecided; decided if it were the only score")
    assert (
        "95 % interval, alone  all together (Holm)" in out
        and "Verdict: no difference is sure" in out
    )
    assert "is better" not in out


def test_a_loss_is_better_when_it_is_lower(runs, capsys):
    one = runs("mtnas", (0.8, 0.7), loss=0.80)
    other = runs("mmoe", (0.8, 0.7), loss=0.75, noise=NOISE[::-1])
    _, out, _ = compare(capsys, one, other)
    line = next(line for line in out.splitlines() if line.startswith("MTL loss"))
    assert line.endswith("mmoe/paper is better")


def test_equal_and_undecided_runs_are_told_apart(runs, capsys):
    one, same = runs("mtnas", (0.8, 0.7)), runs("mmoe", (0.8, 0.7))
    assert "the two are equal in all 3 scores" in compare(capsys, one, same)[1]
    noisy = runs("ple", (0.8, 0.7), noise=NOISE[[1, 0, 3, 2]] * 3)
    out = compare(capsys, one, noisy)[1]
    assert (
        "no difference is sure" in out
        and "it takes more rows (no number of seeds: their splits overlap)" in out
    )
    assert "is better" not in out


def test_the_seeds_that_it_takes_are_those_of_the_margin_beside_them(runs, capsys):
    scores = {"auc_a": 0.8, "rmse_a": 20.0, "calibration_error_a": 0.5}
    fixed = {"loss": None, "split_kind": "column"}
    one = runs("mtnas", scores, **fixed)
    other = runs("mmoe", scores, noise=NOISE[[1, 0, 3, 2]], **fixed)
    sd = np.std(NOISE - NOISE[[1, 0, 3, 2]], ddof=1)
    seeds = seeds_needed(sd, FIXED, 0.001)
    out = compare(capsys, one, other)[1]
    assert f"To see one of 0.001 in AUC a, it takes about {seeds} seeds." in out
    assert "Intervals: t: one split, so of initialisation only." in out
    far = runs(
        "ple", {**scores, "calibration_error_a": 0.5}, noise=NOISE[[1, 0, 3, 2]] * 40, **fixed
    )
    assert "it takes more than 10,000 seeds." in compare(capsys, one, far)[1]


def test_only_common_seeds_count(runs, capsys):
    one = runs("mtnas", (0.8, 0.7))
    other = runs("mmoe", (0.8, 0.7), seeds=(2, 3, 4), noise=[0.002, 0.001, 0.09])
    out = compare(capsys, one, other)[1]
    assert "seeds 2, 3" in out and "+0.0000" in out
    alone = runs("ple", (0.8, 0.7), seeds=(3,), noise=[0.0])
    assert "one seed in common tells nothing" in compare(capsys, one, alone)[1]


def test_runs_of_one_name_are_told_by_their_folders(runs, capsys, tmp_path):
    one = runs("mmoe", (0.8, 0.7))
    told = {"dataset": "toys", "noise": NOISE, "seeds": SEEDS}
    other = make_run(tmp_path / "elsewhere", "mmoe", (0.9, 0.7), **told)
    assert f"{other} is better in AUC0" in compare(capsys, one, other)[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": (7, 8)}, "have no seed in common (0 to 3; 7, 8)"),
        ({"dataset": "other"}, "are of two datasets, toys and other"),
        ({"split_kind": "time"}, "the splits differ"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, capsys, change, message):
    one, other = runs("mtnas", (0.8, 0.7)), runs("mmoe", (0.8, 0.7), **change)
    status, out, err = compare(capsys, one, other)
    assert status == 1 and out == "" and message in err and err.count("\n") == 1


def test_another_table_or_split_of_a_common_seed_is_refused(runs, capsys):
    one, other = runs("mtnas", (0.8, 0.7)), runs("mmoe", (0.8, 0.7))
    edit_run_record(other, lambda record: record["splits"].update({"2": "another"}))
    assert "the splits differ (seeds 2)" in compare(capsys, one, other)[2]
    edit_run_record(other, lambda record: record["data"].update({"content_sha256": "1" * 64}))
    assert "the prepared table was another one" in compare(capsys, one, other)[2]


def test_names_that_do_not_exist_are_refused_with_the_nearest(runs, capsys, tmp_path):
    one = runs("mtnas", (0.8, 0.7))
    assert "(did you mean 'toys/mtnas/paper'?)" in compare(capsys, one, "toys/mtna/paper")[2]
    assert "are the same run" in compare(capsys, one, "toys/mtnas/paper")[2]
    assert "no run.json in this folder" in compare(capsys, one, tmp_path)[2]
    (one / "metrics.csv").write_text("changed\n")
    other = runs("mmoe", (0.8, 0.7))
    assert "was changed after it was written" in compare(capsys, one, other)[2]
