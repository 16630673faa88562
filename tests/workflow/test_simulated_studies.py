"""Simulated studies in the workflow: on request, one job each, with a record."""

import pytest

from mtnas.evidence.simulated_record import read

STUDIES = ("demonstration", "covariance", "capacity_linear", "reweighting_linear")


def test_one_job_for_each_and_none_unless_asked(bare):
    overlay = ("--configfile", "config/transfer.yaml")
    asked = bare.plan("simulated_studies", *overlay).jobs
    assert asked == {"simulated_studies": 1, "simulated_study": 4}
    assert "simulated_study" not in bare.plan().jobs
    # Without data there is nothing to prepare or train: studies, their figures, the claims.
    everything = bare.plan(*overlay).jobs
    assert everything == {
        **{"all": 1, "claims": 1, "figure": 4 + 2, "answer": 1, "report": 1, "simulated_study": 4}
    }


@pytest.mark.slow
def test_they_are_made_once_and_anew_for_other_seeds(fresh):
    test = ("--configfile", "config/test.yaml")
    fresh.snakemake("simulated_studies", *test)
    for name in STUDIES:
        record, results = read(fresh.folder / f"results/simulated_studies/{name}")
        assert record.study == name
        assert record.code
        assert {*results.seed} == {0, 1}
    assert not fresh.plan("simulated_studies", *test).jobs
    fresh.write("more.yaml", "simulated_studies: {options: {demonstration: {rows: 30}}}\n")
    changed = ("--configfile", "config/test.yaml", "more.yaml")
    assert fresh.plan("simulated_studies", *changed).jobs["simulated_study"] == 1
