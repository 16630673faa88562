"""A diagnosis in the real workflow: what is made, and what a changed option makes again."""

import pytest

from mtnas.evidence.diagnosis.report import Diagnosis

pytestmark = pytest.mark.slow

STUDY = """
seeds: 2
datasets: [insteval]
experiments: {main: {methods: [share_bottom], datasets: []}}
training: {epochs: 1, patience: 1}
variants: {share_bottom: {own: {training: {embedding_per_task: true}}}}
diagnosis: {datasets: [insteval], widths: [4], epochs: 1, probe_every: 50, tables: own}
"""


def test_a_recommendation_is_made_and_a_changed_probe_measures_again_alone(fresh):
    overlay = fresh.write("config/tasks.yaml", STUDY)

    fresh.snakemake("diagnoses", "--configfile", overlay)

    folder = fresh.folder / "results/diagnosis/insteval"
    found = Diagnosis.read(folder / "diagnosis.json")
    assert found.tables is not None
    assert {own.measure for own in found.measures} >= {"phi", "theta_cosine", "tag_affinity"}
    assert all(
        sentence in (folder / "recommendation.md").read_text() for sentence in found.sentences
    )
    fresh.edit("config/tasks.yaml", "probe_every: 50", "probe_every: 60")
    jobs = fresh.plan("diagnoses", "--configfile", overlay).jobs
    assert jobs == {"measure_tasks": 1, "recommend": 1, "diagnoses": 1}
