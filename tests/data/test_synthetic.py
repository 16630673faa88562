"""Simulated data: what is drawn, how it is stored, and whose rows are whose."""

import numpy as np
import pytest

from mtnas.data.prepare.store import read_compact
from mtnas.data.prepare.table import prepare
from mtnas.data.synthetic import SyntheticOptions, draw, respond, weight_vectors
from mtnas.experiments.assembly import assemble
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.study.specs import RunSpec
from tests.helpers.tables import read_hashed

SMALL = {"rho": 0.5, "dim": 6, "num_sines": 2, "rows": 200}


def prepared(folder, seeds=(3, 1, 4), **options):
    paths = {"table": folder / "t.parquet", "manifest": folder / "m.json"}
    folder.mkdir(exist_ok=True)
    prepare({"dataset": "s", "synthetic": {**SMALL, **options}, "seeds": seeds}, **paths)
    return paths


def test_a_label_is_the_formula_of_the_paper():
    z, alpha, beta = np.array([0.3, -2.0]), np.array([1.5, -0.2]), np.array([0.1, 2.0])
    expected = [v + np.sin(1.5 * v + 0.1) + np.sin(-0.2 * v + 2.0) for v in z]
    np.testing.assert_allclose(respond(z, alpha, beta), expected)


@pytest.mark.parametrize("rho", [-1.0, -0.3, 0.0, 0.5, 0.9, 1.0])
def test_weights_have_length_one_and_cosine_rho(rho):
    first, second = weight_vectors(np.random.default_rng(0), 30, rho)
    assert first @ first == pytest.approx(1)
    assert second @ second == pytest.approx(1)
    assert first @ second == pytest.approx(rho, abs=1e-12)


def test_without_sines_and_noise_the_weights_can_be_read_off_the_data():
    options = SyntheticOptions(rho=0.7, dim=5, num_sines=0, noise_variance=0, scale=2)
    x, labels = draw(options, 0)
    weights, residual, *_ = np.linalg.lstsq(x.astype(float), labels.astype(float))
    assert residual.max() < 1e-6
    assert np.linalg.norm(weights, axis=0) == pytest.approx([2, 2], abs=1e-5)
    assert np.prod(weights, axis=1).sum() / 4 == pytest.approx(0.7, abs=1e-5)


def test_the_same_task_twice_differs_by_two_noises():
    _, labels = draw(SyntheticOptions(rho=1, dim=4, rows=50_000), 0)
    assert np.var(labels[:, 0] - labels[:, 1]) == pytest.approx(2 * 0.01, rel=0.05)


def test_every_seed_draws_its_own_data_whoever_is_beside_it(tmp_path):
    three, one = prepared(tmp_path / "three"), prepared(tmp_path / "one", seeds=[1])
    together, alone = (read_hashed(p["table"], p["manifest"]) for p in (three, one))
    mine = slice(200, 400)
    drawn = together.inputs.numbers
    assert np.array_equal(drawn[mine], alone.inputs.numbers)
    for name in ("labels", "split"):
        assert np.array_equal(getattr(together, name)[mine], getattr(alone, name))
    assert not np.array_equal(drawn[:200], drawn[mine])
    x, labels = draw(SyntheticOptions(**SMALL), 1)
    assert np.array_equal(alone.inputs.numbers, x)
    assert np.array_equal(alone.labels, labels)


def test_training_reads_what_the_table_holds_and_both_say_simulated(tmp_path):
    paths = prepared(tmp_path)
    table, compact = (
        read(paths["table"], paths["manifest"]) for read in (read_hashed, read_compact)
    )
    assert isinstance(compact.inputs.numbers, np.memmap)
    assert compact.inputs.numbers.dtype == np.float32
    assert compact.inputs.ids.shape == (600, 0)
    assert np.array_equal(compact.inputs.numbers, table.inputs.numbers)
    assert np.array_equal(compact.labels, table.labels)
    assert table.manifest.simulated is True
    assert table.manifest.spec.synthetic.rho == 0.5
    assert table.manifest.drawn_seeds == (3, 1, 4)
    assert table.manifest.split_sizes == {"train": 140, "valid": 30, "test": 30}


@pytest.mark.parametrize("file", ["t.ids.npy", "t.inputs/numbers.npy", "t.parquet"])
def test_a_changed_file_is_refused(tmp_path, file):
    paths = prepared(tmp_path)
    content = bytearray((tmp_path / file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / file).write_bytes(content)
    with pytest.raises(RecordError, match=f"{file}: was changed after it was written"):
        read_compact(paths["table"], paths["manifest"])


def test_options_out_of_range_are_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"prepare\.synthetic\.rho: 1\.5"):
        prepared(tmp_path, rho=1.5)


def spec(**changes):
    names = {"dataset": "s", "method": "mmoe", "variant": "paper", "seeds": (3, 1, 4)}
    return RunSpec(**names, options={"hidden_dim": 8}, **changes)


def test_a_seed_trains_on_its_own_rows_alone(tmp_path):
    assembly = assemble(spec(), **prepared(tmp_path))
    for block, seed in enumerate([3, 1, 4]):
        split = assembly.split(seed)
        rows = np.concatenate([split.train, split.valid, split.test])
        assert sorted(rows) == list(range(200 * block, 200 * (block + 1)))
        assert [len(part) for part in (split.train, split.valid, split.test)] == [140, 30, 30]


def test_with_a_fixed_split_all_seeds_share_one_draw(tmp_path):
    assembly = assemble(spec(fixed_split=True), **prepared(tmp_path, seeds=[0]))
    first, second = assembly.split(3), assembly.split(1)
    assert np.array_equal(first.train, second.train)
    assert len(first.train) == 140
