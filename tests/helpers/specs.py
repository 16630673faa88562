"""The spec of a job from plain values, of the kind that its keys say."""

from typing import Any

from mtnas.study.specs import (
    ExhaustiveSpec,
    ModelSpec,
    RunSpec,
    SearchSpec,
    SubsetsSpec,
    TuneSpec,
)

KINDS = {
    "search": SearchSpec,
    "grid": TuneSpec,
    "space": ExhaustiveSpec,
    "subsets": SubsetsSpec,
}


def spec_of(**values: Any) -> ModelSpec:
    """Return a spec; a run's where no key says another kind."""
    kind = next((kind for key, kind in KINDS.items() if key in values), RunSpec)
    return kind.of(values)
