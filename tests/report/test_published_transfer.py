"""Blocks of docs/should-these-tasks-share.md: recommendations, and what decides the claims."""

import json

from mtnas.report.published import diagnoses, transfer
from tests.report.test_published_diagnoses import diagnosis

TOLD = {
    "dataset": "sentiment_glove",
    "what": "share_bottom: mean gain with leaks | without",
    "unit": "accuracy",
    "claim": "higher",
    "estimate": 0.0123,
    "low": -0.01,
    "high": 0.0346,
    "deciding": (-0.01, 0.0346),
    "verdict": "inconclusive",
    "seeds": 5,
    "over": "5 seeds, t",
    "null": 0.0,
    "role": "all",
    "simulated": False,
}


def ledger(folder, *comparisons, source="Wu, Zhang, Ré"):
    entry = {"id": "B6", "verdict": "inconclusive", "source": source}
    entry |= {"claim": "Copies bring a part", "section": "Fig. 6"}
    (folder / "claims").mkdir()
    content = [{**entry, "comparisons": list(comparisons)}]
    (folder / "claims" / "claims.json").write_text(json.dumps(content))
    return folder


def test_what_decides_is_a_row_and_so_is_a_share_beside_it(tmp_path):
    share = {**TOLD, "unit": "share", "role": "control", "what": "share of the gain"}
    control = {**TOLD, "role": "control", "what": "something else"}
    table = transfer.transfer_claims(ledger(tmp_path, TOLD, share, control))
    claim, _, _, _, first, second = table.splitlines()
    assert claim == "* **B6** (Fig. 6): Copies bring a part: **inconclusive**"
    assert "0.0123 accuracy | [−0.0100, 0.0346] | 5 seeds, t | inconclusive |" in first
    assert "with leaks \\| without" in first
    assert "share of the gain" in second
    assert second.endswith("| inconclusive (beside it) |")


def test_the_interval_beside_a_verdict_is_the_corrected_one(tmp_path):
    told = {**TOLD, "low": -0.03, "high": -0.01, "deciding": (-0.04, 0.0)}
    table = transfer.transfer_claims(ledger(tmp_path, {**told, "verdict": "contradicted"}))
    assert "| [−0.0400, 0] (Holm) |" in table and "−0.0300" not in table


def test_claims_of_the_other_paper_are_not_shown(tmp_path):
    assert transfer.transfer_claims(ledger(tmp_path, TOLD, source="MTNAS")) == transfer.NOTHING


def test_recommendations_are_those_of_the_diagnoses(tmp_path):
    assert transfer.recommended(tmp_path) == transfer.NOTHING
    diagnoses.publish(tmp_path, [diagnosis(tmp_path, "insteval")])
    (found,) = diagnoses.read(tmp_path)
    assert transfer.recommended(tmp_path) == (
        f"* **InstEval** (4 tasks, 5 seeds): {' '.join(found.sentences)}"
    )
