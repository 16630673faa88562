"""Simulated studies in the workflow: on request, one job each, with a record."""

import pytest

from mtnas.evidence.simulated_record import read

STUDIES = ("demonstration", "covariance", "capacity_linear", "reweighting_linear")


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
