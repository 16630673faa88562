"""Simulated raw files: formats, planted rates and correlations, and the marker."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mtnas.data import simulators, sources
from mtnas.data.prepare.store import Table
from mtnas.data.prepare.table import prepare
from mtnas.data.simulators import _world
from mtnas.data.simulators._text import hex_ids, word
from mtnas.data.simulators.base import chunks, simulate
from mtnas.data.sources.base import MARKER, Dataset
from mtnas.report.paper import paper_value
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.runtime.files import read_json, sha256_of
from tests.helpers.shared import real
from tests.helpers.tables import read_hashed

ROWS = 50_000
FIELDS = {"bookcrossing": 15, "tiktok": 9, "goodreads": 14}
Simulated = tuple[Dataset, Path, Table]


def spec(name: str, rows: int = 2_000) -> dict[str, Any]:
    return {"dataset": name, "rows": rows}


def prepared(name: str, raw: Path, out: Path) -> Table:
    prepare({"dataset": name}, table=out / "t.parquet", manifest=out / "t.json", raw=raw)
    return read_hashed(out / "t.parquet", out / "t.json")


@pytest.fixture(scope="module", params=FIELDS)
def simulated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Simulated:
    """Simulate a dataset, once, and prepare it."""
    folder = tmp_path_factory.mktemp(request.param)
    simulate(spec(request.param, ROWS), folder / "raw")
    table = prepared(request.param, folder / "raw", folder / "out")
    return sources.load(request.param), folder / "raw", table


def test_the_papers_datasets_can_be_simulated() -> None:
    assert set(simulators.available()) == set(FIELDS)
    with pytest.raises(ConfigError, match="unknown simulated dataset 'insteval'.*allowed: book"):
        simulators.load("insteval")


def test_every_row_arrives_and_nothing_but_the_planted_lines_is_dropped(
    simulated: Simulated,
) -> None:
    dataset, raw, table = simulated
    broken = read_json(raw / MARKER)["planted"]["broken_lines"]
    dropped = dict.fromkeys(broken, 0)
    for reason, count in table.manifest.rows_dropped.items():
        dropped[reason.split(":")[0]] += count
    assert table.manifest.rows == ROWS
    assert dropped == broken
    assert len(dataset.fields) == FIELDS[dataset.name]
    if dataset.name == "bookcrossing":
        assert min(broken.values()) > 0


def test_rates_are_as_planted(simulated: Simulated) -> None:
    _, raw, table = simulated
    planted = read_json(raw / MARKER)["planted"]
    for task, rate in planted["label_rates"].items():
        error = np.sqrt(rate * (1 - rate) / ROWS)
        assert table.manifest.label_rates[task] == pytest.approx(rate, abs=4 * error + 0.002)


def test_correlations_are_the_papers(simulated: Simulated) -> None:
    dataset, raw, table = simulated
    planted = read_json(raw / MARKER)["planted"]["label_pcc"]
    for pair, found in table.manifest.label_pcc.items():
        assert planted[pair] == paper_value("table4", dataset.name, None, pair)
        assert found == pytest.approx(planted[pair], abs=0.02)


def test_rated_books_are_read_and_top_ratings_are_ratings(simulated: Simulated) -> None:
    dataset, _, table = simulated
    if dataset.name != "tiktok":
        assert (table.labels[:, 1] <= table.labels[:, 0]).all()


def test_the_table_says_that_it_is_simulated(simulated: Simulated) -> None:
    dataset, raw, table = simulated
    assert table.manifest.simulated is True
    assert table.manifest.title == f"simulated look-alike of {dataset.title}"
    assert read_json(raw / MARKER)["note"].startswith("SIMULATED DATA")


def test_text_says_that_it_is_simulated(simulated: Simulated) -> None:
    dataset, raw, _ = simulated
    if "publisher" in {field.name for field in dataset.fields}:
        batch = next(dataset.chunks(raw))
        values = set(batch["publisher"].to_pylist()) - {"unknown"}
        assert values
        assert all(value.startswith("simulated house ") for value in values)


def test_few_users_make_many_of_the_rows(simulated: Simulated) -> None:
    _, _, table = simulated
    counts = np.sort(np.bincount(table.inputs.ids[:, 0]))[::-1]
    present = counts[counts > 0]
    assert present[: len(present) // 10].sum() > 0.2 * ROWS
    assert present[0] < 0.2 * ROWS


def test_labels_depend_on_users_and_items_and_tasks_are_related(simulated: Simulated) -> None:
    """The label rate of a user (or item) in one half tells of its labels in the other half."""
    _, _, table = simulated
    half = ROWS // 2
    for field in (0, 1):
        ids = table.inputs.ids[:, field]
        for task in range(table.labels.shape[1]):
            ones = np.bincount(ids[:half], table.labels[:half, task], minlength=ids.max() + 1)
            rate = (ones + 1) / (np.bincount(ids[:half], minlength=ids.max() + 1) + 10)
            auc = roc_auc_score(table.labels[half:, task], rate[ids[half:]])
            assert auc > 0.5, (field, task)


def test_goodreads_has_the_keys_and_types_of_real_lines(tmp_path: Path) -> None:
    simulate(spec("goodreads"), tmp_path / "raw")
    lines = real("goodreads/schema_examples.jsonl").read_text().splitlines()
    for part, line in zip(("books", "interactions"), lines, strict=False):
        with gzip.open(tmp_path / "raw" / f"goodreads_{part}_poetry.json.gz", "rt") as file:
            found = [json.loads(text) for text in file]
        expected = {key: type(value) for key, value in json.loads(line).items()}
        assert all({k: type(v) for k, v in value.items()} == expected for value in found)
        assert list(found[0]) == list(expected)


def test_tiktok_has_the_form_of_real_lines(tmp_path: Path) -> None:
    simulate(spec("tiktok"), tmp_path / "raw")
    rows = (tmp_path / "raw" / "final_track2_train.txt").read_bytes()
    form = re.compile(rb"(?:(?:\d+|-1)(?:\t(?:\d+|-1)){11}\n)+")
    assert form.fullmatch(real("tiktok/byterec_sample.txt").read_bytes())
    assert form.fullmatch(rows)


@pytest.mark.parametrize("file", ["BX-Book-Ratings.csv", "BX-Users.csv", "BX-Books.csv"])
def test_bookcrossing_has_the_form_of_real_lines(tmp_path: Path, file: str) -> None:
    simulate(spec("bookcrossing"), tmp_path / "raw")
    ours = (tmp_path / "raw" / file).read_bytes().splitlines(keepends=True)
    theirs = real(f"bookcrossing/{file}").read_bytes().splitlines(keepends=True)[:5000]
    assert ours[0] == theirs[0]
    form = re.compile(rb'"(?:[^"\\]|\\.)*"(?:;(?:"(?:[^"\\]|\\.)*"|NULL))+\r\n')
    assert all(map(form.fullmatch, theirs))
    assert sum(form.fullmatch(line) is None for line in ours) <= 1  # the broken user
    assert (b";NULL" in b"".join(ours)) == (file == "BX-Users.csv")


@pytest.mark.parametrize("name", FIELDS)
def test_the_same_rows_are_the_same_bytes(tmp_path: Path, name: str) -> None:
    for folder in "ab":
        simulate(spec(name), tmp_path / folder)
    first, second = (
        {path.name: sha256_of(path) for path in (tmp_path / folder).iterdir()} for folder in "ab"
    )
    assert MARKER in first
    assert first == second


@pytest.mark.parametrize("name", FIELDS)
def test_more_rows_than_a_chunk(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtnas.data.simulators.base.CHUNK_ROWS", 300)
    simulate(spec(name, 1_000), tmp_path / "raw")
    assert sum(batch.num_rows for batch in sources.load(name).chunks(tmp_path / "raw")) == 1_000


@pytest.mark.parametrize("name", FIELDS)
def test_a_single_row(tmp_path: Path, name: str) -> None:
    simulate(spec(name, 1), tmp_path / "raw")
    assert sum(batch.num_rows for batch in sources.load(name).chunks(tmp_path / "raw")) == 1


def test_populations_grow_with_the_rows_up_to_their_real_size() -> None:
    sizes = [_world.scaled(1_000, rows, 50_000) for rows in (1, 5_000, 50_000, 10**9)]
    assert sizes == [20, 100, 1_000, 1_000]


def test_what_is_written_replaces_the_folder_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "old").touch()
    simulate(spec("tiktok"), raw)
    assert not (raw / "old").exists()
    before = sha256_of(raw / MARKER)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mtnas.data.simulators.tiktok._world", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(spec("tiktok"), raw)
    assert sha256_of(raw / MARKER) == before
    assert list(tmp_path.iterdir()) == [raw]


def test_real_files_are_not_simulated_and_marked_ones_are(tmp_path: Path) -> None:
    dataset = sources.load("tiktok")
    assert not dataset.is_look_alike(None)
    assert not dataset.is_look_alike(tmp_path)
    (tmp_path / MARKER).write_text("even if its content is broken")
    assert dataset.is_look_alike(tmp_path)


def test_few_rows_without_a_like_are_refused_by_the_preparation(tmp_path: Path) -> None:
    simulate(spec("tiktok", 5), tmp_path / "raw")
    with pytest.raises(DataError, match="label t1"):
        prepared("tiktok", tmp_path / "raw", tmp_path / "out")


def test_thresholds_hold_every_conditional_rate() -> None:
    plan = ((0.4,), (0.0, 0.3), (0.05, 0.0, 0.1, 0.2))
    rng = np.random.default_rng([3, 0])
    users, items = (
        _world.Population(0.6, _world.effects(rng, size, 3), _world.tastes(rng, size))
        for size in (500, 200)
    )
    world = _world.World(rng, users, items, plan, (0.7, 0.3), rows=400_000)
    t0, t1, t2 = np.concatenate([world.draw(r, n).labels for n, r in chunks(400_000)]).T
    assert t0.mean() == pytest.approx(0.4, abs=0.005)
    assert t1[~t0].sum() == 0
    assert t1[t0].mean() == pytest.approx(0.3, abs=0.005)
    assert t2[~t0].mean() == pytest.approx(0.05, abs=0.003)
    assert t2[t0 & ~t1].mean() == pytest.approx(0.1, abs=0.004)
    assert t2[t0 & t1].mean() == pytest.approx(0.2, abs=0.008)


def test_isbns_differ_and_their_check_digits_hold() -> None:
    from mtnas.data.simulators.bookcrossing import _isbns

    isbns = _isbns(np.array([0, 1999, 0, 7, 0, 7]))
    assert len(set(isbns)) == 6
    for isbn in isbns:
        digits = ["0123456789X".index(digit) for digit in isbn]
        assert (
            sum(weight * digit for weight, digit in zip(range(10, 0, -1), digits, strict=True)) % 11
            == 0
        )


def test_words_and_ids() -> None:
    assert len({word(number) for number in range(9_000)}) == 9_000
    numbers = np.array([[0x80D52F5E70F023BD, 0x0098AB96599A3530], [0, 1]], np.uint64)
    assert hex_ids(numbers).to_pylist() == ["80d52f5e70f023bd0098ab96599a3530", f"{1:032x}"]
