"""Parts of a configuration: seeds, the grid search, a dataset, an experiment, subsets of tasks."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, WrapValidator

from mtnas.config.blocks import different
from mtnas.data.prepare.manifest import SplitsOfSeeds
from mtnas.runtime.errors import unknown
from mtnas.runtime.files import Json
from mtnas.runtime.options import Options, shown

Block = Json  # what is said of some options, the others not named

PAPER = "paper"  # the variant that every method has: no deviation
MAX_INT32 = 2**31 - 1  # seeds and ids are stored as int32
LONGEST_NAME = 100  # it becomes the name of a folder
MAX_SEEDS = 10_000  # a larger number is a seed that was meant to be in a list
OF_VARIANTS = ("title", "training")  # what a variant says beside options of its method
SUBSET_RULES = ("all", "pairs", "most")
OWN_DEFAULT = "null: the dataset's own"

Seed = Annotated[int, Field(ge=0, le=MAX_INT32)]
SEEDS_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS},
        {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": MAX_INT32}},
    ]
}

SUBSETS_SCHEMA = {
    "anyOf": [
        {"enum": list(SUBSET_RULES)},
        {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        },
    ]
}


def _count_or_list(value: Any) -> Any:
    """Return the seeds 0 .. n-1 for a number n."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_SEEDS:
        raise ValueError(f"give a number of seeds, 1 .. {MAX_SEEDS}, or a list of seeds")
    return tuple(range(value))


def _rule_or_lists(value: Any) -> Any:
    """Check a rule for subsets of tasks, or lists of their names."""
    if isinstance(value, str):
        if value not in SUBSET_RULES:
            raise ValueError(unknown("rule", value, SUBSET_RULES))
        return value
    lists = value if isinstance(value, tuple) else (value,)
    if not lists or not all(isinstance(own, tuple) and own for own in lists):
        raise ValueError(
            "should be all, pairs, most, or a list of subsets, each a list of names of tasks, such "
            "as [[likes, stars], [likes, shares]]"
        )
    for own in lists:
        if others := [name for name in own if not isinstance(name, str)]:
            raise ValueError(f"{others[0]!r} is not the name of a task")
        different(own)
    return value


def _as_written(value: Any, check: Any) -> Any:
    """Check a value but keep it as it was written: 3 seeds stay a 3, a whole number stays whole."""
    check(value)
    return value


def _is_name(name: str) -> str:
    if not name or not set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_"):
        raise ValueError(f"the name {shown(name)} must be lower-case letters, digits and _")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"the name {name[:20]}... has {len(name)} letters, at most {LONGEST_NAME}")
    return name


def _is_free(name: str) -> str:
    if name == PAPER:
        raise ValueError(f"the name {name!r} is taken: it is the method as in the paper")
    return name


def _is_text(folder: Any) -> Any:
    if folder is None or isinstance(folder, str):
        return folder
    raise ValueError(
        "YAML reads no text here, but a number, a date or the like (2024_01 is the number 202401); "
        "write ./ before the name of a folder, such as ./2024_01"
    )


Folder = Annotated[str | None, BeforeValidator(_is_text)]
Seeds = Annotated[
    tuple[Seed, ...],
    AfterValidator(different),
    Field(min_length=1),
    BeforeValidator(_count_or_list),
    WithJsonSchema(SEEDS_SCHEMA),
]
SubsetsOfTasks = Annotated[
    str | tuple[tuple[str, ...], ...],
    BeforeValidator(_rule_or_lists),
    WithJsonSchema(SUBSETS_SCHEMA),
]
TrialSeeds = Annotated[Seeds, WrapValidator(_as_written)]  # or an int
Number = Annotated[float, Field(gt=0), WrapValidator(_as_written)]
Name = Annotated[str, AfterValidator(_is_name)]
VariantName = Annotated[Name, AfterValidator(_is_free)]
Title = Annotated[
    str,
    Field(
        min_length=1,
        description="what tables and figures call the variant: `METHOD (TITLE)`, or the title "
        "alone if it begins with the name of the method; default: the name of the variant",
    ),
]


class Tuning(Options):
    """A grid search of training and method options."""

    enabled: bool = Field(
        False,
        description="true: search a grid of values before the runs; false: use the options as "
        "they are",
    )
    methods: tuple[str, ...] = Field(
        (), description="methods to tune, in every experiment that runs them"
    )
    variants: tuple[str, ...] = Field(
        (), description="variants of these methods to tune; an empty list: all of them"
    )
    seeds: TrialSeeds = Field(
        3,  # type: ignore[arg-type]
        description="seeds for each trial: a number n (the first n of `seeds`) or a list",
    )
    training: Block = Field(
        {}, description="for options of training, the values to try, each a list"
    )
    options: dict[str, Block] = Field(
        {}, description="for each method, the values to try of its own options, each a list"
    )


class DatasetOptions(Options):
    """How a dataset is prepared, and what it changes in methods and training."""

    raw: Folder = Field(
        None,
        description="folder of raw files (`~/x`: below your home folder); null: the data is "
        "embedded, fetched into `results/raw/<dataset>`, or lies where the `path` of its own file "
        "says",
    )
    simulate: int | None = Field(
        None,
        ge=1,
        description="write simulated raw files with this many rows and read those instead of real "
        "ones; all results say that they are of simulated data",
    )
    num_features: int | None = Field(
        None,
        ge=2,
        le=MAX_INT32,
        description=f"number of different ids that values are hashed to; {OWN_DEFAULT}",
    )
    drop_fields: tuple[str, ...] = Field((), description="input fields to leave out")
    split: tuple[Number, Number, Number] | None = Field(
        None,
        description=f"train, validation, test: three shares with sum 1, or counts; {OWN_DEFAULT}",
    )
    splits: SplitsOfSeeds = Field(
        "random",
        description="how seeds split the rows: `random`: each on its own; `disjoint`: seeds test "
        "disjoint rows until none are left, so intervals need no wide correction (V1)",
    )
    split_seed: Seed = Field(
        0, description="seed of the one split that `fixed_split: true` gives to all seeds"
    )
    allow_lost: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of the rows read that may be left out because they cannot be used; "
        f"more stop the preparation; {OWN_DEFAULT}, mostly 0.2",
    )
    methods: dict[str, Block] = Field({}, description="like `methods`, for this dataset only")
    training: Block = Field({}, description="like `training`, for this dataset only")
    tuning: Block = Field({}, description="like `tuning`, for this dataset only")


class SimulatedStudies(Options):
    """Studies of planted tasks, each a file of src/mtnas/experiments/simulated."""

    studies: tuple[str, ...] = Field((), description="which of them are run")
    seeds: Seeds = Field(
        tuple(range(20)),
        description="repetitions of each: a number n (seeds 0 .. n-1) or a list of seeds",
    )
    options: dict[str, Block] = Field(
        {}, description="for each study, the options that differ from its defaults"
    )


# Drawn data have no source.
OF_SOURCES = ("raw", "simulate", "num_features", "drop_fields", "allow_lost")


class Experiment(Options):
    """A named set of runs."""

    datasets: tuple[str, ...] | None = Field(
        None, description="which of the study's datasets; null: all; an empty list: nothing is run"
    )
    methods: tuple[str, ...] = Field(description="methods to run")
    variants: dict[str, tuple[str, ...]] = Field(
        {}, description="for each method, the variants to run; default: `paper` alone"
    )


class TaskSubsets(Experiment):
    """Models of some tasks of a dataset each, to see which tasks gain from which."""

    methods: tuple[str, ...] = Field(
        description="methods to train; each with one model for its tasks, and no search"
    )
    tasks: SubsetsOfTasks = Field(
        "all",
        description="which subsets of the tasks are learned together: every one (all; of at most "
        "7 tasks), every two (pairs), every one of at most 7 tasks, else every two and some drawn "
        "at random (most), or a list of lists of their names; each task alone and all tasks "
        "together are always among them",
    )


DIAGNOSIS = "diagnosis"  # the entry of `subsets` that a diagnosis adds
DIAGNOSED = "share_bottom"  # the method that it is about


class Diagnosis(Options):
    """Which tasks of a dataset should share a model, and what could have told so in advance."""

    datasets: tuple[str, ...] = Field(
        (),
        description="datasets of the study to diagnose; for each, the subsets of its tasks are "
        f"trained with {DIAGNOSED} as `subsets.{DIAGNOSIS}`",
    )
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (4, 8, 16, 32, 64, 128),
        description=f"widths of {DIAGNOSED} at which each task alone and all tasks together are "
        "trained (capacity curve); an empty list: none",
    )
    epochs: int = Field(
        5, ge=1, description="epochs of the short run in which gradients of tasks are compared"
    )
    probe_every: int = Field(10, ge=1, description="steps from one comparison to the next")
    probe_rate: float = Field(
        0.01,
        gt=0,
        description="learning rate of the step of plain gradient descent that a comparison tries",
    )
    rank: int = Field(1, ge=1, description="rank r of the weights of Algorithm 2 (svd_weight)")
    tables: str | None = Field(
        None,
        description=f"a variant of {DIAGNOSED} with `training.embedding_per_task: true`, to say "
        "whether tasks should have embedding tables of their own; null: not measured",
    )
