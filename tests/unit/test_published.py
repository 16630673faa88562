"""What is published, and the numbers that README takes from it."""

import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from mtnas.errors import RecordError
from mtnas.records import RUN_COLUMNS
from mtnas.reporting.claims import write_ledger
from mtnas.reporting.published import publish
from mtnas.reporting.readme import COMPARED, CONTROLS, fill, refresh
from mtnas.testing.runs import NOISE, make_run

REPOSITORY = Path(__file__).resolve().parents[2]
ROUTE = {
    "dataset": "bookcrossing",
    "method": "mtnas",
    "variant": "paper",
    "strategy": "reinforce",
    "spec": {
        "dataset": "bookcrossing",
        "search": {"steps": 20},
        "training": {"batch_size": 512},
    },
    "timings": {"search_seconds": 41.7, "total_seconds": 50.0},
    "seeds": {
        "0": {
            "blocks": {"t0": {"probability": 0.25, "entropy": 1.2, "uniform_entropy": 1.5}},
            "curve": {"step": [1, 2]},
            "scores": {"0": 1.5},
        }
    },
}
MANIFEST = {
    "dataset": "bookcrossing",
    "rows": 10,
    "split_sizes": {"train": 5200},
    "spec": {"split": None},
}


@pytest.fixture
def study(tmp_path):
    return publish_study(tmp_path)


def publish_study(tmp_path, **more):
    """Publish runs in which MTNAS beats every method by 0.01 and equals its controls."""
    ours = ("mtnas", (0.79, 0.81), 0.73)
    runs = [make_run(tmp_path, name, (0.78, 0.80), 0.74, **more) for name in COMPARED]
    runs += [make_run(tmp_path, *ours, noise=NOISE * 1.5, **more)]
    runs += [make_run(tmp_path, *ours, variant=v, **more) for v in CONTROLS]
    sources = {"routes": ROUTE, "manifests": MANIFEST}
    for name, content in sources.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "table2.md").write_text("### Table 2. Ours\n")
    (tmp_path / "figure3.png").write_bytes(b"png")
    (tmp_path / "movielens.parquet").write_bytes(b"parquet")
    write_ledger(tmp_path / "claims.json", tmp_path / "claims.md", run_folders=runs)
    arguments = {
        "run_folders": runs,
        "routes": [tmp_path / "routes.json"],
        "manifests": [tmp_path / "manifests.json"],
        "tables": [tmp_path / "table2.md"],
        "figures": [tmp_path / "figure3.png"],
        "exhaustive": [tmp_path / "movielens.parquet"],
        "claims": [tmp_path / "claims.json", tmp_path / "claims.md"],
    }
    publish(tmp_path / "published", **arguments)
    return tmp_path / "published", arguments


def test_all_metrics_are_published_tidy_and_reproducibly(study, tmp_path):
    folder, arguments = study
    text = gzip.decompress((folder / "metrics.csv.gz").read_bytes()).decode()
    metrics = pd.read_csv(io.StringIO(text))
    assert tuple(metrics.columns) == RUN_COLUMNS
    assert len(metrics) == 7 * 3 * 5  # runs, seeds, scores
    publish(tmp_path / "again", **arguments)
    again = (tmp_path / "again" / "metrics.csv.gz").read_bytes()
    assert again == (folder / "metrics.csv.gz").read_bytes()


def test_records_routes_and_manifests_are_kept(study):
    folder, _ = study
    records = json.loads((folder / "runs.json").read_text())
    assert records["bookcrossing/mmoe/paper"]["code"] == "code-mmoe"
    route = json.loads((folder / "routes/bookcrossing/mtnas/paper.json").read_text())
    assert not {"curve", "scores"} & set(route["seeds"]["0"])
    assert (folder / "exhaustive/movielens.parquet").read_bytes() == b"parquet"
    assert json.loads((folder / "data/bookcrossing.json").read_text()) == MANIFEST
    assert records["bookcrossing/mmoe/paper"]["best_epoch"] == {"0": [3], "1": [5], "2": [4]}
    assert records["bookcrossing/mmoe/paper"]["git"] == {"commit": "abc", "dirty": False}
    assert "fits" not in records["bookcrossing/mmoe/paper"]
    assert (folder / "tables/table2.md").is_file()
    assert (folder / "figures/figure3.png").is_file()


def test_publishing_again_replaces_what_was_there(study):
    folder, arguments = study
    stale = [folder / "data/insteval.json", folder / "routes/insteval/mtnas/paper.json"]
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")

    publish(folder, **arguments)

    assert not any(path.exists() for path in stale)
    assert [p.name for p in (folder / "routes").rglob("*.json")] == ["paper.json"]


def test_a_document_is_filled_from_the_published_numbers(study):
    folder, _ = study
    names = ("headline", "findings", "searched", "runtimes", "table2")
    text = "".join(f"<!-- generated: {n} -->\nold\n<!-- /generated -->\n" for n in names)
    filled = fill(text, folder, where="README.md")
    assert "old" not in filled
    assert "| Book-Crossing AUC0 | 0.7800 | 0.7800 | 0.7800 | 0.7800 | 0.7900 | 0.7907 |" in filled
    assert "of 12 paired 95 % intervals (AUCs and loss), 12 favour MTNAS" in filled
    assert "of 6 paired 95 % intervals (AUCs and loss), 0 favour MTNAS, 0 the other" in filled
    assert "1.200 of 1.500 nats" in filled
    assert "the search is 2.0 epochs long" in filled
    assert "### Table 2. Ours" in filled
    assert "| Book-Crossing, MTNAS | 3 | 12,345 | 42 | 12 | 1 |" in filled
    assert "| Book-Crossing, MTNAS (random routes) | 3 | 12,345 |  | 12 | 1 |" in filled
    assert fill(filled, folder, where="README.md") == filled


@pytest.mark.parametrize("name", ["headline", "findings", "searched", "runtimes"])
def test_simulated_data_say_so_wherever_they_are_named(tmp_path, name):
    folder, _ = publish_study(tmp_path, simulated=True)
    filled = fill(f"<!-- generated: {name} -->\n<!-- /generated -->", folder, where="README.md")
    assert "Book-Crossing (SIMULATED DATA)" in filled
    assert filled.count("Book-Crossing") == filled.count("SIMULATED DATA")
    assert "0.7907" not in filled  # the paper's number is of other data


def test_an_unknown_block_is_refused(study):
    text = "<!-- generated: tabel2 -->\n<!-- /generated -->"
    with pytest.raises(RecordError, match="did you mean 'table2'"):
        fill(text, study[0], where="README.md")


def test_readme_and_docs_show_the_published_numbers(tmp_path):
    documents = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    copies = [tmp_path / path.name for path in documents]
    for source, copy in zip(documents, copies, strict=True):
        copy.write_text(source.read_text())
    stale = refresh(copies, REPOSITORY / "results" / "published")
    assert not stale, "numbers differ from results/published: run `make readme`"


def test_verdicts_are_written_into_documents(study):
    folder, _ = study
    text = fill("<!-- generated: claims -->\n<!-- /generated -->", folder, "doc.md")
    assert "| C1 | MTNAS has the highest AUC" in text
    assert "**replicated** | Book-Crossing: replicated" in text
    assert "**not measured**" in text
    (folder / "claims/claims.json").unlink()
    with pytest.raises(RecordError, match="git checkout results/published"):
        fill(text, folder, "doc.md")
