"""The key `simulated_studies`: which studies, their seeds, options that their files declare."""

import pytest

from mtnas import study as studies
from mtnas.config.reference import reference
from mtnas.config.simulated import known_simulated_studies
from mtnas.runtime.errors import ConfigError
from mtnas.study.fingerprints import simulated_study_code
from mtnas.study.specs import SimulatedStudySpec
from tests.helpers.studies import shipped, study


def of(**said):
    return study(simulated_studies={"studies": ["covariance"], **said})


def test_the_study_of_planted_tasks_runs_all_of_them_with_their_defaults():
    config = shipped("transfer")
    assert {*config.simulated_studies.studies} == {*known_simulated_studies()}
    assert len(config.simulated_studies.seeds) >= 20
    assert len(shipped("test").simulated_studies.seeds) == 2
    for name, options in known_simulated_studies().items():
        assert config.simulated_study(name) == options()


def test_a_study_without_them_has_none():
    assert study().simulated_studies.studies == ()


def test_a_spec_holds_every_option_and_comes_back_from_plain_data():
    config = of(seeds=[4, 2], options={"covariance": {"dim": 20, "conditions": [{"noise": 2}]}})
    spec = studies.simulated_study_spec(config, "covariance")
    assert (spec.study, spec.seeds) == ("covariance", (4, 2))
    assert spec.options["dim"] == 20
    assert spec.options["conditions"] == [{"target_rows": 20, "kappa": 100.0, "noise": 2.0}]
    assert {*spec.options} == {*known_simulated_studies()["covariance"].model_fields}
    assert SimulatedStudySpec.of(spec.model_dump(mode="json")).seeds == spec.seeds


REFUSED = {
    "a study": ({"studies": ["covarience"]}, "studies", "did you mean 'covariance'"),
    "twice": ({"studies": ["covariance"] * 2}, "studies", "more than once"),
    "a key": ({"sedes": 3}, "simulated_studies", "did you mean 'seeds'"),
    "seeds": ({"seeds": 0}, "seeds", "number of seeds"),
    "no such study": ({"options": {"capacity": {}}}, "options", "did you mean 'capacity_linear'"),
    "an option": ({"options": {"covariance": {"dims": 9}}}, "options.covariance", "'dim'"),
    "a value": ({"options": {"covariance": {"dim": 25}}}, "options.covariance.dim", "multiple"),
    "a value in a list": (
        {"options": {"demonstration": {"angles": [20, 180]}}},
        "options.demonstration.angles",
        "less than 180",
    ),
    "a value twice": (
        {"options": {"capacity_linear": {"ranks": [2, 2]}}},
        "options.capacity_linear.ranks",
        "more than once",
    ),
    "a condition": (
        {"options": {"covariance": {"conditions": [{"kapa": 3}]}}},
        "options.covariance.conditions",
        "'kappa'",
    ),
    "values that do not fit": (
        {"studies": ["reweighting_linear"], "options": {"reweighting_linear": {"dim": 300}}},
        "options.reweighting_linear",
        "more than inputs",
    ),
    "a rank": (
        {"studies": ["capacity_linear"], "options": {"capacity_linear": {"planted_rank": 6}}},
        "options.capacity_linear",
        "at most 5",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_run_is_refused_with_its_place(name):
    said, place, message = REFUSED[name]
    with pytest.raises(ConfigError, match=message) as problem:
        of(**said)
    assert place in str(problem.value).partition(": ")[0] + str(problem.value)


def test_a_study_that_is_not_asked_for_has_no_spec():
    with pytest.raises(ConfigError, match="'demonstration'; allowed: covariance"):
        studies.simulated_study_spec(of(), "demonstration")
    with pytest.raises(ConfigError, match="unknown simulated study 'demo'"):
        studies.simulated_study_spec(of(), "demo")


def test_the_manual_has_every_option():
    text = reference()
    for name, options in known_simulated_studies().items():
        assert f"### `simulated_studies.options.{name}`" in text
        assert all(f"| `{key}` |" in text for key in options.model_fields)


def test_each_study_has_its_own_fingerprint():
    codes = {simulated_study_code(name) for name in known_simulated_studies()}
    assert len(codes) == len(known_simulated_studies())
