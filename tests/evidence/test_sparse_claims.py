"""Claims on sparse sharing (C16) and on searches against blind draws (C17), on planted results."""

import numpy as np
import pandas as pd
import pytest

from mtnas.evidence.claims.evidence import read_evidence
from mtnas.evidence.claims.ledger import ledger
from mtnas.evidence.exhaustive_table import GroundTruth
from mtnas.report.claims import summary
from mtnas.routes.named import full_sharing
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from tests.helpers.runs import edit_run_record, make_run
from tests.helpers.searches import edit_search, exhaustive_record, write_search
from tests.helpers.tables import write_manifest

SEEDS = range(6)
SPACE = SearchSpace(1, 2, 2, "root")
FULL = full_sharing(SPACE).canonical().index
BEST = 1 if FULL != 1 else 2


def table(root, sparse, best=0.0):
    """Write all routes of a space: sparse ones lose `sparse` more than full sharing (.7), one of
    them `best` less than the others; every route and seed has a little noise of its own.
    """
    noise = np.random.default_rng(0).normal(0, 5e-5, (SPACE.num_routes, len(SEEDS)))
    split = np.random.default_rng(1).normal(0, 0.05, len(SEEDS))  # which all routes share
    lines = []
    for r in range(SPACE.num_routes):
        route = Route.at(SPACE, r)
        for s in SEEDS:
            loss = 0.7 + split[s] + noise[r, s] + (0 if r == FULL else sparse) - best * (r == BEST)
            lines.append({
                "space": "small", "route": r, "seed": s, "same_as": r, "pattern": r,
                "describe": route.describe(), "edges": len(route.edges), "dense_used": 9,
                "best_epoch": 1, "valid_loss": loss, "test_loss": loss,
            })  # fmt: skip
    record = exhaustive_record("insteval", "small", SPACE, list(SEEDS))
    path = root / "insteval.parquet"
    GroundTruth(pd.DataFrame(lines), {"small": record}).write(path)
    return path


def entry(identity, folders, **files):
    found = ledger(read_evidence(folders, **files))
    return next(claim for claim in found if claim["id"] == identity)


def runs(root, losses):
    """Write runs of MTNAS at the paper's size."""
    noise = np.random.default_rng(2)
    return [
        make_run(
            root, "mtnas", (), loss, seeds=SEEDS, noise=noise.normal(0, 5e-5, len(SEEDS)),
            dataset="insteval", variant=variant,
        )
        for variant, loss in losses.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sparse", "verdict"),
    [(-0.02, "replicated"), (0.02, "contradicted"), (0.0, "equivalent")],
)
def test_sparse_routes_of_a_small_space(tmp_path, sparse, verdict):
    claim = entry("C16", [], exhaustive=[table(tmp_path, sparse)])
    assert claim["verdict"] == verdict
    assert claim["estimate"] == pytest.approx(sparse, abs=2e-4)
    share = next(c for c in claim["comparisons"] if c["unit"] == "share")
    expected = {-0.02: (1, 1, 1), 0.02: (0, 0, 0)}.get(sparse)
    assert expected is None or (share["low"], share["estimate"], share["high"]) == expected


@pytest.mark.parametrize(
    ("sparse", "verdict"),
    [(-0.02, "replicated"), (0.02, "contradicted"), (0.0, "equivalent")],
)
def test_sparse_routes_at_the_size_of_the_paper(tmp_path, sparse, verdict):
    losses = {"paper": 0.7 + sparse, "random_routes": 0.7 + sparse, "full_sharing": 0.7}
    claim = entry("C16", runs(tmp_path, losses))
    assert claim["verdict"] == verdict
    assert claim["datasets"]["insteval"]["verdict"] == verdict


def test_what_helps_in_a_small_space_alone_is_not_generally_helpful(tmp_path):
    losses = {"paper": 0.72, "random_routes": 0.72, "full_sharing": 0.7}
    tables = [table(tmp_path, -0.02)]
    assert entry("C16", runs(tmp_path, losses), exhaustive=tables)["verdict"] == "contradicted"


def test_the_claim_says_what_was_not_varied(tmp_path):
    claim = entry("C16", [], exhaustive=[table(tmp_path, -0.02)])
    told = summary([claim])
    for what in ("widths", "depths", "data sizes", "size_of: routes"):
        assert what in told.split("not measured: ")[1]


def test_a_control_of_the_size_of_searched_routes_is_told_beside_it(tmp_path):
    losses = {"paper": 0.68, "random_routes": 0.68, "full_sharing": 0.7, "narrow": 0.68}
    folders = runs(tmp_path, losses)
    edit_run_record(folders[-1], lambda record: record["spec"].update(size_of="routes"))
    claim = entry("C16", folders)
    assert claim["verdict"] == "replicated"
    (beside,) = (c for c in claim["comparisons"] if "narrow" in c["what"])
    assert (beside["role"], beside["verdict"]) == ("control", "equivalent")
    assert "size_of: routes" not in summary([claim])


@pytest.mark.parametrize(
    ("picks", "verdict"),
    [([BEST] * 6, "replicated"), ([FULL] * 6, "contradicted"), ([0] * 6, "equivalent")],
)
def test_a_search_against_blind_draws_in_a_small_space(tmp_path, picks, verdict):
    best = 0.0 if verdict == "equivalent" else 0.02
    sparse = 0.0 if verdict == "equivalent" else -0.01
    path = write_search(
        tmp_path / "routes.json",
        {s: Route.at(SPACE, r) for s, r in zip(SEEDS, picks, strict=True)},
        dataset="insteval",
    )
    data = [write_manifest(tmp_path / "manifest.json", "insteval")]
    tables = [table(tmp_path, sparse, best)]
    claim = entry("C17", [], routes=[path], exhaustive=tables, manifests=data)
    assert claim["verdict"] == verdict
    assert claim["source"] == "our own"
    regret = next(c for c in claim["comparisons"] if "best route" in c["what"])
    assert regret["role"] == "control"
    if picks[0] == BEST:
        assert regret["estimate"] == pytest.approx(0, abs=1e-12)


def test_searches_with_other_options_decide_nothing(tmp_path):
    good, bad = ({s: Route.at(SPACE, r) for s in SEEDS} for r in (BEST, FULL))
    paths = [
        write_search(tmp_path / "a.json", good, dataset="insteval"),
        write_search(tmp_path / "b.json", bad, dataset="insteval", variant="long", steps=99),
    ]
    tables = [table(tmp_path, -0.01, 0.02)]
    data = [write_manifest(tmp_path / "manifest.json", "insteval")]
    claim = entry("C17", [], routes=paths, exhaustive=tables, manifests=data)
    assert claim["verdict"] == "replicated"
    roles = {c["role"] for c in claim["comparisons"] if "long" in c["what"]}
    assert roles == {"control"}


def test_a_search_on_other_rows_is_not_judged_by_a_table(tmp_path):
    path = write_search(
        tmp_path / "a.json", {s: Route.at(SPACE, BEST) for s in SEEDS}, dataset="insteval"
    )
    tables = [table(tmp_path, -0.01, 0.02)]
    files = {"routes": [path], "exhaustive": tables}
    files["manifests"] = [write_manifest(tmp_path / "manifest.json", "insteval")]
    assert entry("C17", [], **files)["comparisons"]
    edit_search(path, lambda record: record["spec"].update(training={"train_share": 0.1}))
    assert not entry("C17", [], **files)["comparisons"]


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [(0.02, "replicated"), (-0.02, "contradicted"), (0.0, "equivalent")],
)
def test_a_search_against_random_routes_at_the_size_of_the_paper(tmp_path, gain, verdict):
    claim = entry("C17", runs(tmp_path, {"paper": 0.7 - gain, "random_routes": 0.7}))
    assert claim["verdict"] == verdict
