"""Why Single wins: what is left of its lead when a joint model has what Single has."""

import numpy as np
import pandas as pd
import pytest

from mtnas.report.exhibits.why_single import why_single as table_of
from mtnas.report.names import Names
from mtnas.report.render.writers import to_markdown
from mtnas.runtime.errors import RecordError
from tests.helpers.runs import NOISE, make_run, write_scores

NAMES = Names(
    {
        "share_bottom/own_tables": "tables per task",
        "share_bottom/own_epochs": "an epoch per task",
        "share_bottom/second_task_quarter": "second task × ¼",
        "single_task/common_epoch": "one epoch for both tasks",
    }
)


def why_single(folders):
    return table_of(folders, NAMES)


@pytest.fixture
def folders(tmp_path):
    """Single leads in the second task alone; half of that is the tables, nothing the epoch."""
    return [
        make_run(tmp_path, "single_task", (0.780, 0.800)),
        make_run(tmp_path, "share_bottom", (0.780, 0.780), noise=NOISE[::-1] / 10),
        make_run(tmp_path, "share_bottom", (0.780, 0.790), variant="own_tables", noise=NOISE / 2),
        make_run(tmp_path, "share_bottom", (0.780, 0.780), variant="own_epochs"),
        make_run(tmp_path, "share_bottom", (0.780, 0.700), variant="second_task_quarter"),
        make_run(tmp_path, "single_task", (0.780, 0.805), variant="common_epoch"),
    ]


def test_the_answer_is_computed_from_the_runs(folders):
    table = why_single(folders)

    answers = [note for note in table.notes if "Single leads" in note]
    assert len(answers) == 1
    assert answers[0].startswith("Book-Crossing AUC1: Single leads Share-Bottom by 0.0200 [0.0168,")
    assert (
        "Share-Bottom (tables per task) 0.0100 [0.0085, 0.0115], 50% of the lead gone" in answers[0]
    )
    assert (
        "Share-Bottom (an epoch per task) 0.0200 [0.0200, 0.0200], 0% of the lead gone"
        in answers[0]
    )


def test_differences_are_to_single(folders):
    block = why_single(folders).blocks[1]

    labels = {row.label: row.cells[1].value for row in block.rows}
    assert labels["Single − Share-Bottom (tables per task)"] == pytest.approx(0.01)
    assert labels["Single − Single (one epoch for both tasks)"] == pytest.approx(-0.005)
    assert "favour Single" in to_markdown(why_single(folders))


def test_less_is_a_lead_in_an_error(tmp_path):
    runs = [
        make_run(tmp_path, method, {"rmse_minutes_read": error}, noise=noise, dataset="library")
        for method, error, noise in (("single_task", 4, NOISE), ("share_bottom", 5, NOISE / 2))
    ]
    answers = [note for note in why_single(runs).notes if "Single leads" in note]
    assert len(answers) == 1
    assert answers[0].startswith("library RMSE minutes_read: Single leads Share-Bottom by 1.0000 [")


def test_no_lead_no_answer(tmp_path):
    runs = [
        make_run(tmp_path, "single_task", (0.78, 0.80)),
        make_run(tmp_path, "share_bottom", (0.79, 0.80), noise=np.array([0.001, 0.0, -0.001])),
    ]
    assert not any("Single leads" in note for note in why_single(runs).notes)


def test_a_planted_number_shows_in_the_answer(folders):
    metrics = pd.read_csv(folders[2] / "metrics.csv")
    metrics["value"] += 0.2 * (metrics["task"].eq("t1") & metrics["split"].eq("test"))
    write_scores(folders[2], metrics)

    assert "0.0100" not in next(n for n in why_single(folders).notes if "Single leads" in n)


def test_a_broken_run_is_refused(folders):
    (folders[1] / "metrics.csv").write_text("")
    with pytest.raises(RecordError, match=r"share_bottom/paper/metrics.csv: was changed after"):
        why_single(folders)
