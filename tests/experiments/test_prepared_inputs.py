"""From the values of a table to what a model reads of them, and through every kind of job."""

import numpy as np
import pytest
import torch

from mtnas.experiments.assembly import assemble
from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.experiments.train import train
from mtnas.study.specs import RunSpec, SearchSpec
from tests.helpers.columns import Columns, matrix, prepared

ROWS = 120
TAGS = [["a"], ["b"], ["a", "b"], ["b", "a", "b"], ["unknown"], ["unknown"]]
AGES = [None if row % 4 == 1 else float(row % 7) for row in range(ROWS)]
COVERS = [None if row % 5 == 2 else row % 10 for row in range(ROWS)]
LABELS = np.random.default_rng(0).integers(0, 2, (2, ROWS)).tolist()
TRAINING = {"epochs": 2, "batch_size": 16, "embedding_dim": 3, "dtype": "float64"}
NETWORK = {"num_layers": 1, "num_subnets": 2, "hidden_dim": 4}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    columns = {
        "user": [f"u{row % 3}" for row in range(ROWS)],
        "tags": [TAGS[row % 6] for row in range(ROWS)],
        "age": AGES,
        "cover": COVERS,
        **dict(zip(("y", "z"), LABELS, strict=True)),
    }
    kinds = {"user": "id", "tags": "list", "age": "numeric", "cover": "features"}
    tasks = dict.fromkeys(("y", "z"), "binary")
    dataset = Columns(columns, kinds, tasks, matrices={"cover": matrix(10)})
    with pytest.MonkeyPatch.context() as patch:
        prepared(dataset, folder, patch)
    return {"table": folder / "t.parquet", "manifest": folder / "t.json"}


def spec(method, kind=RunSpec, **changes):
    options = NETWORK if method == "mtnas" else {"hidden_dim": 4}
    values = {
        "dataset": "columns", "method": method, "variant": "paper", "seeds": (0, 1),
        "training": TRAINING, "options": options,
    }  # fmt: skip
    return kind.of({**values, **changes}, "spec")


def test_a_model_reads_what_the_table_holds(data):
    made = assemble(spec("share_bottom"), **data)
    ensemble, train_rows = made.ensemble(made.members([0], {})), made.split(0).train
    ensemble.standardize(made.examples.inputs, [train_rows])
    x_ND = ensemble.encoded(made.examples.inputs, torch.arange(ROWS).unsqueeze(0))[0].numpy()
    user, tags, age, no_age, cover, no_cover = np.split(x_ND, [3, 6, 7, 8, 11], axis=1)

    np.testing.assert_array_equal(user[:3], user[3:6])
    np.testing.assert_allclose(tags[2], (tags[0] + tags[1]) / 2, atol=1e-15)
    np.testing.assert_allclose(tags[3], (tags[0] + 2 * tags[1]) / 3, atol=1e-15)
    np.testing.assert_array_equal(tags[4], tags[5])
    assert np.abs(tags[4]).min() > 0
    ages = np.array(AGES, float)
    known = ages[train_rows]
    expected = (ages - np.nanmean(known)) / np.nanstd(known)
    np.testing.assert_allclose(age[:, 0], np.nan_to_num(expected), atol=1e-12)
    np.testing.assert_array_equal(no_age[:, 0], np.isnan(ages))
    own = [np.zeros(3) if row is None else matrix(10)[row] for row in COVERS]
    np.testing.assert_array_equal(cover, own)
    np.testing.assert_array_equal(no_cover[:, 0], [row is None for row in COVERS])


@pytest.mark.parametrize("method", ["single_task", "mmoe"])
def test_a_run_is_the_same_seed_by_seed(method, data):
    together, apart = (train(spec(method), Job(**data, at_once=n)) for n in (2, 1))
    np.testing.assert_allclose(together.metrics.value, apart.metrics.value, rtol=0, atol=1e-12)
    assert together.weights["number_mean"].shape == (len(together.weights["embedding"]), 1)


def test_a_supernet_hands_down_the_scale_of_its_numbers(data, tmp_path):
    paths = {"routes": tmp_path / "routes.json", "supernet": tmp_path / "supernet.safetensors"}
    options = {"steps": 8, "batch_size": 16, "reward": "neg_loss"}
    found = search(spec("mtnas", SearchSpec, search=options), Job(**data))
    found.write(**paths)
    inherited = train(spec("mtnas", derive="inherit"), Job(**data), **paths)
    for name in ("number_mean", "number_spread", "embedding"):
        assert torch.equal(inherited.weights[name], found.weights[name])
    known = np.array(AGES, float)[assemble(spec("mmoe"), **data).split(0).train]
    assert found.weights["number_mean"][0].item() == pytest.approx(np.nanmean(known))
