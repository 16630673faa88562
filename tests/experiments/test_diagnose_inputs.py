"""Measures of tasks that read lists, numbers, features, rows of several sources, or no ids."""

import numpy as np

from mtnas.experiments import assembly as assemblies
from mtnas.experiments.diagnose.run import diagnose
from mtnas.experiments.job import Job
from mtnas.study.specs import DiagnoseSpec
from tests.experiments.test_prepared_inputs import data  # noqa: F401
from tests.experiments.test_sources import table  # noqa: F401

SPEC = {
    "dataset": "columns",
    "method": "share_bottom",
    "variant": "paper",
    "seeds": (0, 1),
    "training": {"epochs": 2, "batch_size": 32, "embedding_dim": 3, "dtype": "float64"},
    "options": {"hidden_dim": 4},
    "widths": (2,),
    "epochs": 2,
    "probe_every": 1,
    "probe_rate": 0.05,
    "rank": 1,
}


def defined(frame, measure, layer=""):
    """Return the values of a measure, none of which is missing."""
    values = frame[(frame["measure"] == measure) & (frame["layer"] == layer)]["value"]
    assert values.notna().all()
    return values.to_numpy()


def test_lists_numbers_and_features_are_part_of_theta_and_of_the_gradients(data):  # noqa: F811
    found = diagnose(DiagnoseSpec.of(SPEC), Job(**data)).measures
    for measure, layer in (("theta_cosine", ""), ("gradient_cosine", "embedding")):
        assert np.abs(defined(found.frame, measure, layer)).max() <= 1
    assert len(found.capacity) == 2 * 2 * 2 * 4


def test_tasks_of_two_sources_have_no_row_in_common_and_still_gradients(table, monkeypatch):  # noqa: F811
    monkeypatch.setattr(assemblies, "read_compact", lambda *_: table)
    found = diagnose(DiagnoseSpec.of(SPEC), Job("t", "m")).measures
    own = found.frame[found.frame["measure"] == "phi"]["value"]
    assert own.isna().all()
    assert np.abs(defined(found.frame, "gradient_cosine", "all")).max() <= 1
    assert np.isfinite(defined(found.frame, "tag_affinity", "all")).all()
