"""The graph of rules: what is read from Snakemake, what is left out, where it is put."""

import re

import pytest

from mtnas.report.rule_graph import mermaid, read_graph, reduced, write_into
from mtnas.runtime.errors import RecordError
from mtnas.runtime.provenance import REPOSITORY

PRINTED = """---
title: DAG
---
flowchart TB
\tid0[all]
\tid1[train]
\tid2[prepare]
\tstyle id0 fill:#D95757,stroke-width:2px,color:#333333
\tid1 --> id0
\tid2 --> id0
\tid2 --> id1
"""


def test_links_are_read_and_those_that_follow_from_others_left_out():
    graph = read_graph(PRINTED)
    assert graph == {"all": set(), "train": {"all"}, "prepare": {"all", "train"}}
    assert reduced(graph) == {"all": set(), "train": {"all"}, "prepare": {"train"}}
    assert mermaid(reduced(graph)) == "flowchart LR\n    prepare --> train\n    train --> all\n"


def test_the_graph_replaces_the_one_of_the_document(tmp_path):
    document = tmp_path / "workflow.md"
    document.write_text("a\n```mermaid\nold\n```\nb\n")
    write_into(document, PRINTED)
    assert document.read_text().splitlines()[:3] == ["a", "```mermaid", "flowchart LR"]
    assert document.read_text().endswith("train --> all\n```\nb\n")
    document.write_text("no block")
    with pytest.raises(RecordError, match="not one block"):
        write_into(document, PRINTED)
    with pytest.raises(RecordError, match="no rule"):
        read_graph("Building DAG of jobs...")


def test_every_rule_is_drawn_or_named_above_the_drawing_and_no_other():
    files = (REPOSITORY / "Snakefile", *REPOSITORY.glob("rules/*.smk"))
    rules = {name for file in files for name in re.findall(r"^rule (\w+):", file.read_text(), re.M)}
    above, drawing = (REPOSITORY / "docs/workflow.md").read_text().split("```")[:2]
    drawn = set(re.findall(r"\w+", drawing)) - {"mermaid", "flowchart", "LR"}
    assert drawn <= rules and len(drawn) > 10
    assert rules - drawn <= set(re.findall(r"`(\w+)`", above))
