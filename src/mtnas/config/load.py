"""Check a merged configuration and make a `Study` of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, create_model

from mtnas.config.blocks import dict_of, grid, list_of, mapping, overrides
from mtnas.config.checks import check
from mtnas.config.diagnosis import with_diagnosis
from mtnas.config.entries import (
    DatasetOptions,
    Diagnosis,
    Experiment,
    Folder,
    Name,
    SimulatedStudies,
    TaskSubsets,
    Title,
    Tuning,
    VariantName,
)
from mtnas.config.files import read_overlay
from mtnas.config.methods import KnownMethod, known_methods
from mtnas.config.options import TrainingOptions
from mtnas.config.origins import Origins
from mtnas.config.simulated import known_simulated_studies
from mtnas.config.study import Study
from mtnas.data import sources
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import Json
from mtnas.runtime.options import plain, problem_of

Model = TypeVar("Model", bound=BaseModel)

TUNED_TRAINING = ("learning_rate", "weight_decay", "batch_size")  # others set the size or the loop
# Solved to match the budget (V3), or what a search is asked for: no subject of a grid.
NOT_TUNED = ("hidden_dim", "match_budget", "search", "derive")


def load(
    raw: Json,
    files: Sequence[str | Path] = (),
    typed: Json | None = None,
) -> Study:
    """Check a merged configuration.

    Args:
        raw: the configuration, all files and the command line merged.
        files: the files it was merged from, later ones win; messages name them.
        typed: what of it was given with `--config`.

    Raises:
        ConfigError: the first key, name or value that cannot be used.
    """
    for file in map(Path, files):
        read_overlay(file)  # Snakemake takes more than we do, such as the last of two equal keys
    origins = Origins(tuple(map(Path, files)), typed or {})
    drawn = raw.get("synthetic")
    kind = study_type(tuple(map(str, drawn)) if isinstance(drawn, Mapping) else ())
    try:
        study = kind.model_validate(plain(raw), strict=True)
    except ValidationError as error:
        problem = problem_of(kind, error)
        where = origins.place(problem.keys, problem.name)
        raise ConfigError(f"{where}: {problem.message}") from None
    study = with_diagnosis(study)
    study._origins = origins
    check(study)
    return study


def study_type(synthetic: tuple[str, ...] = ()) -> type[Study]:
    """Return the class `Study` with a key for every method and dataset, synthetic ones included."""
    methods, measured = known_methods(), sources.available()
    dataset, method = _one_of((*measured, *synthetic)), _one_of(tuple(methods))
    blocks = mapping("methods", {name: overrides(m.options, name) for name, m in methods.items()})
    training, tuning = overrides(TrainingOptions), _tuning(methods)
    dataset_options = _narrowed(DatasetOptions, methods=blocks, training=training, tuning=tuning)
    variants = {
        name: dict_of(VariantName, _variant(name, m, training)) for name, m in methods.items()
    }
    runs = {
        "datasets": list_of(dataset, at_least=0) | None,
        "methods": list_of(method),
        "variants": mapping("variants_to_run", dict.fromkeys(methods, list_of(str))),
    }
    return _narrowed(
        Study,
        {f"{name}_raw": _short_raw(name) for name in measured},
        datasets=list_of(dataset, at_least=0),
        dataset_options=mapping(
            "dataset_options", dict.fromkeys((*measured, *synthetic), dataset_options)
        ),
        training=training,
        tuning=tuning,
        methods=blocks,
        variants=mapping("variants", variants),
        experiments=dict_of(Name, _narrowed(Experiment, **runs)),
        exhaustive=dict_of(Name, list_of(str)),
        subsets=dict_of(Name, _narrowed(TaskSubsets, **runs)),
        diagnosis=_narrowed(
            Diagnosis,
            datasets=list_of(dataset, at_least=0),
            widths=list_of(Annotated[int, Field(ge=1)], at_least=0),
        ),
        simulated_studies=_simulated_studies(),
        calibration=list_of(dataset, at_least=0),
    )


def _one_of(names: tuple[str, ...]) -> Any:
    return Literal.__getitem__(names)


def _narrowed(
    base: type[Model], more: Mapping[str, object] | None = None, **types: Any
) -> type[Model]:
    """Return a subclass of a model with stricter types of some fields, and more fields."""
    fields = {name: (kind, base.model_fields[name]) for name, kind in types.items()}
    return create_model(base.__name__, __base__=base, **fields, **(more or {}))  # type: ignore[call-overload,no-any-return]


def _variant(name: str, method: KnownMethod, training: Any) -> Any:
    """Return the type of a variant: options of the method and, if it is trained, of training."""
    more = {} if method.is_control else {"training": training}
    return overrides(method.options, f"{name}_variant", title=Title, **more)


def _tuning(methods: Mapping[str, KnownMethod]) -> Any:
    """Return the type of a grid search; the values to try must be allowed for their option."""
    trained = {name: method for name, method in methods.items() if not method.is_control}
    options = {
        # A searched route belongs to the options it was searched with.
        name: mapping(f"{name}_grid", {})
        if method.searches
        else grid(method.options, f"{name}_grid", NOT_TUNED)
        for name, method in trained.items()
    }
    fixed = tuple(name for name in TrainingOptions.model_fields if name not in TUNED_TRAINING)
    narrowed = _narrowed(
        Tuning,
        methods=list_of(_one_of(tuple(trained))),
        training=grid(TrainingOptions, "training_grid", fixed),
        options=mapping("grids", options),
    )
    return overrides(narrowed, "tuning")


def _simulated_studies() -> type[SimulatedStudies]:
    """Return the type of the simulated studies: names that exist, and their options."""
    known = known_simulated_studies()
    options = {name: overrides(kind, f"{name}_simulated") for name, kind in known.items()}
    return _narrowed(
        SimulatedStudies,
        studies=list_of(_one_of(tuple(known)), at_least=0),
        options=mapping("simulated_options", options),
    )


def _short_raw(dataset: str) -> Any:
    return (
        Folder,
        Field(None, description=f"short for dataset_options.{dataset}.raw, for the command line"),
    )
