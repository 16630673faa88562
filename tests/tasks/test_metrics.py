"""What is known of metrics by their names."""

import pytest

from mtnas.runtime.errors import RecordError
from mtnas.tasks.metrics import column_of, direction, in_tables, metric_of, split_column


@pytest.mark.parametrize(
    ("column", "metric", "task", "better"),
    [
        ("auc_t0", "auc", "t0", "higher"),
        ("log_loss_t12", "log_loss", "t12", "lower"),
        ("mse_t1", "mse", "t1", "lower"),
        ("auc_never_married", "auc", "never_married", "higher"),
        ("log_loss_loss", "log_loss", "loss", "lower"),
        ("calibration_error_a_b", "calibration_error", "a_b", "lower"),
        ("macro_f1_auc_t0", "macro_f1", "auc_t0", "higher"),
        ("mtl_loss", "mtl_loss", "all", "lower"),
        ("log_loss_log_loss", "log_loss", "log_loss", "lower"),
        ("macro_f1_how_often_f1", "macro_f1", "how_often_f1", "higher"),
        ("calibration_error_by_age", "calibration_error", "by_age", "lower"),
    ],
)
def test_a_column_names_its_metric_and_task(column, metric, task, better):
    assert split_column(column) == (metric, task)
    assert column_of(metric, task) == column
    assert direction(column) == direction(metric) == better


def test_tables_show_all_but_the_losses_of_single_tasks():
    columns = ["mtl_loss", "auc_likes", "log_loss_likes", "rmse_all_of_it", "mse_all_of_it"]
    assert in_tables(columns) == ["auc_likes", "rmse_all_of_it", "mtl_loss"]


def test_an_unknown_metric_is_refused():
    with pytest.raises(RecordError, match=r"unknown metric 'acu_t0'.*allowed: accuracy, auc"):
        metric_of("acu_t0")
