"""The option `training.leaks`: refused where no rows belong together, told only if it is chosen."""

import pytest

from mtnas import study as studies
from mtnas.config.options import TrainingOptions
from mtnas.runtime.errors import ConfigError

DROP = {"training": {"leaks": "drop"}}


def _study(**changes):
    return studies.load({"seeds": 1, "datasets": ["sentiment_words"], "experiments": {}, **changes})


def test_leaks_are_dropped_where_rows_have_groups():
    study = _study(
        variants={"mmoe": {"deleaked": DROP}}, experiments={"main": {"methods": ["mmoe"]}}
    )
    specs = [studies.run_spec(study, "sentiment_words", "mmoe", v) for v in ("paper", "deleaked")]
    assert [spec.training.leaks for spec in specs] == ["keep", "drop"]
    told = [spec.model_dump(mode="json")["training"] for spec in specs]
    assert [training.get("leaks") for training in told] == [None, "drop"]
    assert [spec.value_at("training.leaks") for spec in specs] == ["keep", "drop"]
    chosen = specs[0].with_values({"training.leaks": "drop"})
    assert chosen.training.leaks == "drop"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (DROP, "training.leaks"),
        ({"dataset_options": {"insteval": DROP}}, "dataset_options.insteval.training.leaks"),
        ({"variants": {"mmoe": {"x": DROP}}}, "variants.mmoe.x.training.leaks"),
    ],
)
def test_rows_without_groups_cannot_leak(changes, place):
    with pytest.raises(ConfigError) as told:
        _study(datasets=["insteval"], **changes)
    assert f"{place}: on insteval: 'drop', but the dataset has no groups" in str(told.value)


@pytest.mark.parametrize("given", [{}, {"leaks": "keep"}])
def test_the_default_is_not_told(given):
    assert "leaks" not in TrainingOptions(**given).model_dump()
    assert "leaks" not in TrainingOptions(**given).model_dump(mode="json", exclude={"epochs"})
    assert TrainingOptions(leaks="drop").model_dump(exclude={"epochs"})["leaks"] == "drop"
