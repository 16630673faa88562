"""Small spaces: what trains all of their routes, and how each variant is judged by them."""

import pytest
import yaml

from mtnas import study as studies
from mtnas.config.layers import merged
from mtnas.config.space_checks import space_of
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study import search_spaces
from tests.helpers.studies import SYNTHETIC, study, synthetic

SPACE = {"num_layers": 1, "num_subnets": 3, "query_scope": "root", "hidden_dim": 16}
IN_SPACE = {
    "small": SPACE,
    "small_random": {**SPACE, "search": {"strategy": "random_search"}},
    "small_alike": {**SPACE, "search": {"strategy": "reinforce"}},
    "small_inherit": {**SPACE, "derive": "inherit"},
    "small_queries": {**SPACE, "query_scope": "all_below"},
    "small_slow": {**SPACE, "training": {"loss_weights": [1.0, 2.0]}},
}


def spaces_of(names):
    return study(variants={"mtnas": IN_SPACE}, experiments={}, exhaustive={"small": names})


def test_a_space_is_the_network_of_its_first_variant():
    spec = search_spaces.exhaustive_spec(spaces_of(["small_random", "small"]), "insteval", "small")

    assert spec.options.items() >= SPACE.items()
    assert spec == search_spaces.exhaustive_spec(spaces_of(["small"]), "insteval", "small")


def test_the_spec_of_a_space_says_what_synthetic_data_are_drawn_from():
    config = synthetic(variants={"mtnas": {"small": SPACE}}, exhaustive={"small": ["small"]})

    spec = search_spaces.exhaustive_spec(config, "near", "small")

    assert spec.synthetic == config.synthetic["near"]


def test_figures_show_the_methods_and_the_space_of_a_dataset():
    config = synthetic(methods={**SYNTHETIC["methods"], "mmoe": {"num_experts": 3}})

    assert search_spaces.typical_methods(config, "near")["num_experts"] == 3
    assert space_of(config, "near") == SearchSpace(2, 4, 2)
    assert space_of(config, "goodreads").num_tasks == 3


def test_searches_of_the_same_network_are_looked_up_and_others_are_run():
    found = search_spaces.judged(spaces_of(list(IN_SPACE)), "insteval", "small")

    assert [(j.variant, j.home, j.by_run) for j in found] == [
        ("small", "small", False),
        ("small_random", "small_random", False),
        ("small_alike", "small", False),  # the same search, so the same routes
        ("small_inherit", "small_inherit", True),
        ("small_queries", "small_queries", True),
        ("small_slow", "small_slow", True),  # trained otherwise
    ]


def test_an_unknown_space_is_refused():
    with pytest.raises(ConfigError, match=r"config: exhaustive: unknown space 'smal'"):
        search_spaces.judged(spaces_of(["small"]), "insteval", "smal")


def test_the_synthetic_search_study_looks_every_search_up():
    files = ("config.yaml", "synthetic.yaml", "synthetic_search_study.yaml")
    parts = [yaml.safe_load((REPOSITORY / "config" / name).read_text()) for name in files]
    config = studies.load(merged(*parts))

    assert {config.synthetic[name].rho for name in config.datasets} == {0, 0.5, 1}
    for dataset in config.datasets:
        assert space_of(config, dataset).num_routes == 49
        assert not any(
            entry.by_run for entry in search_spaces.judged(config, dataset, "synthetic_l1h3")
        )
