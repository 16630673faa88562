"""Options of training; unknown keys are refused.

Each of them may change a result, so all are part of what identifies a run. Nothing here needs
torch. V2 ... V28 refer to docs/deviations.md.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.files import Json
from mtnas.runtime.options import Options
from mtnas.runtime.record import without_defaults

Alignment = Literal["none", "joint", "frozen", "control", "frozen_control"]
Weighting = Literal["equal", "svd", "svd_literal", "uncertainty", "random", "pcgrad"]
OfRestarts = Literal["best", "mean"]
_NEWER = (
    *("leaks", "alignment", "label_noise", "weighting", "weighting_rank"),
    *("restarts", "of_restarts", "train_share"),
)
Share = Annotated[float, Field(ge=0, le=1)]


class TrainingOptions(Options):
    """How weights are trained (paper, Sec. 4.2) and selected on validation data."""

    epochs: int = Field(20, ge=1, description="most epochs, that is passes over the training rows")
    patience: int = Field(
        2, ge=1, description="stop after so many epochs without a better validation loss"
    )
    batch_size: int = Field(512, ge=1, description="training examples in a step (paper: 512)")
    learning_rate: float = Field(
        1e-3, gt=0, description="step size of Adam for the weights (paper: 0.001)"
    )
    weight_decay: float = Field(
        5e-4,
        ge=0,
        description="L2 penalty, in the gradient, of all weights and embeddings (paper: 0.0005)",
    )
    embedding_dim: int = Field(10, ge=1, description="width of an embedding (paper: 10)")
    embedding_std: float = Field(
        0.01, gt=0, description="standard deviation of the initial embeddings"
    )
    dtype: Literal["float32", "float64"] = Field("float32", description="number format of training")
    selection: Literal["model", "task", "source", "seed"] = Field(
        "model",
        description="weights of which epoch are kept, by validation loss: the best of each model "
        "(model), of each task (task), of the tasks of each source together (source), or of all "
        "models of a seed together (seed) (V2)",
    )
    mixing: Literal["proportional", "round_robin", "sequential", "balanced"] = Field(
        "proportional",
        description="how batches are made of the rows of several sources: all rows shuffled "
        "together (proportional); batches of one source each, the sources in turn until all are "
        "used up, or one source after the other (round_robin, sequential); or every batch with "
        "equal shares of all sources, where smaller sources start over until the largest is used "
        "up (balanced)",
    )
    mixing_weights: dict[str, PositiveFloat] | None = Field(
        None,
        description="by name of a source: how many batches it has in a turn (round_robin), or how "
        "large its share of a batch is (balanced); a source that is not named has 1",
    )
    loss_weights: tuple[NonNegativeFloat, ...] | None = Field(
        None, description="weight of every task in the training loss; null: all 1 (paper)"
    )
    embedding_per_task: bool = Field(
        False,
        description="true: every task has embedding tables of its own, although the tasks share "
        "the rest of the model; not for a method that searches",
    )

    leaks: Literal["keep", "drop", "control"] = Field(
        "keep",
        description="drop: leave out training rows that are of one group with a row of validation "
        "or test, such as copies of a sentence, and validation rows of one group with a row of "
        "test (docs/data.md); control: leave out as many other rows of each source at random, to "
        "compare with; for a dataset with groups. An epoch keeps its number of steps, so some of "
        "the remaining rows come twice",
    )
    train_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the training rows of each source that is trained on, drawn by the "
        "seed; a smaller share is part of a larger one, and validation and test keep all (V25)",
    )
    alignment: Alignment = Field(
        "none",
        description="none: all tasks feed one input to the part that they share; joint: each has a "
        "square matrix of its own before it, at first the identity, trained with all else; frozen: "
        "these and the task layers are trained after all else, which then stays as it is; control, "
        "of joint: no matrices but as many parameters, in layers of each task behind the shared "
        "part; frozen_control, of frozen: no matrices but the task layers trained on; not for a "
        "method that searches or has a model per task (V17, V18)",
    )
    label_noise: dict[str, Share] = Field(
        {},
        description="by name of a task: of which share of its training rows the labels change "
        "places at random, in every seed others; validation and test keep theirs (V19)",
    )

    weighting: Weighting = Field(
        "equal",
        description="what multiplies the losses of tasks, beside loss_weights, in training alone. "
        "equal: 1; svd: from the training rows of a seed, more for tasks whose labels follow the "
        "inputs in the direction of the others, which noise makes less; svd_literal: so with "
        "labels that are not standardised, as printed in the source where all labels are classes "
        "and none is missing; uncertainty: learned; random: drawn anew for every batch, a "
        "control; pcgrad: gradients are changed instead, where those of two tasks conflict. "
        "Neither svd is for rows of several sources, none for a method that has a model per task "
        "(V20, V21, V28, V29)",
    )
    weighting_rank: int = Field(
        1, ge=1, description="svd and svd_literal only: directions that are counted, up to T (V20)"
    )

    restarts: int = Field(
        1,
        ge=1,
        le=1000,
        description="how often everything begins anew on the split of a seed, a search with it: "
        "from other initial weights, with other batches (V24); the first is the one without "
        "restarts. For runs of experiments; grids, subsets of tasks and diagnoses have one",
    )
    of_restarts: OfRestarts = Field(
        "best",
        description="what counts of the restarts of a split: the one with the least validation "
        "loss (best), or the mean of their scores (mean) (V24)",
    )

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out newer options that are not chosen, so that no older spec differs."""
        defaults = {name: self.__class__.model_fields[name].default for name in _NEWER}
        return without_defaults(dump(self), defaults)

    @model_validator(mode="after")
    def _weighs(self) -> Self:
        if self.weighting_rank != 1 and not self.weighting.startswith("svd"):
            raise ValueError(
                f"weighting_rank: {self.weighting_rank}, but weighting is {self.weighting!r}; only "
                "svd and svd_literal have a rank"
            )
        return self

    @model_validator(mode="after")
    def _aligns_one_model(self) -> Self:
        if self.in_two_phases and self.selection in ("task", "source"):
            raise ValueError(
                f"alignment: {self.alignment!r} keeps the shared part of one epoch, but selection "
                f"is {self.selection!r}, which keeps several; use selection: model"
            )
        return self

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if self.loss_weights is not None and not any(self.loss_weights):
            raise ValueError(
                "loss_weights: all are 0, so there is nothing to learn; give a positive one"
            )
        return self

    @model_validator(mode="after")
    def _mixes(self) -> Self:
        given = self.mixing_weights
        if given is not None and self.mixing not in ("round_robin", "balanced"):
            raise ValueError(
                f"mixing_weights: mixing is {self.mixing!r}; only round_robin and balanced have "
                "weights"
            )
        for source, weight in (given or {}).items():
            if self.mixing == "round_robin" and weight != int(weight):
                raise ValueError(
                    f"mixing_weights: {source}: {weight:g}, but a turn has whole batches "
                    "(mixing: round_robin)"
                )
        return self

    def check_sources(self, names: Sequence[str]) -> None:
        """Raise `ConfigError` if these options do not suit sources of these names.

        A dataset with rows of one kind has none. The message begins with the option.
        """
        for source in self.mixing_weights or {}:
            if names and source not in names:
                raise ConfigError(unknown("source", source, names, "mixing_weights"))
        if len(names) > 1 and self.weighting.startswith("svd"):
            raise ConfigError(
                f"weighting: {self.weighting!r}, but the rows are of {len(names)} sources, and "
                "these weights are for tasks that have the same rows; use equal, uncertainty or "
                "random"
            )
        if self.mixing == "balanced" and self.batch_size < len(names):
            raise ConfigError(
                f"batch_size: {self.batch_size}, but with mixing: balanced a batch holds rows of "
                f"each of {len(names)} sources; make it larger"
            )
        chosen = {
            "mixing": self.mixing != "proportional",
            "mixing_weights": self.mixing_weights is not None,
            "selection": self.selection == "source",
        }
        for option, needs_sources in chosen.items():
            if needs_sources and not names:
                raise ConfigError(
                    f"{option}: {getattr(self, option)!r}, but the dataset has no sources; leave "
                    "it out, or set it for datasets that have"
                )

    def check_groups(self, has_groups: bool) -> None:
        """Raise `ConfigError`, beginning with the option, if rows of a dataset need groups."""
        if self.leaks != "keep" and not has_groups:
            raise ConfigError(
                f"leaks: {self.leaks!r}, but the dataset has no groups (`group` in its file tells "
                "what is one example); leave it out, or set it for datasets that have"
            )

    def check_tasks(self, names: Sequence[str]) -> None:
        """Raise `ConfigError` if these options do not suit tasks of these names.

        The message begins with the option.
        """
        for task in self.label_noise:
            if task not in names:
                raise ConfigError(unknown("task", task, names, "label_noise"))
        if self.weighting_rank > len(names):
            raise ConfigError(
                f"weighting_rank: {self.weighting_rank}, but there are {len(names)} tasks; "
                f"allowed: 1 to {len(names)}"
            )

    def check_method(self, method: str, *, searches: bool, per_task: bool) -> None:
        """Raise `ConfigError` if these options do not suit a method that trains something.

        The message begins with the option.
        """
        instead = "leave it out, or set it in `variants` of other methods"
        if self.alignment != "none" and searches:
            raise ConfigError(
                f"alignment: {self.alignment!r}, but {method} searches routes of one input, not "
                f"of one per task; {instead}"
            )
        if self.alignment != "none" and per_task:
            raise ConfigError(
                f"alignment: {self.alignment!r}, but {method} has a model for each task, so there "
                f"is no shared part to align inputs for; {instead}"
            )

        if self.weighting != "equal" and per_task:
            raise ConfigError(
                f"weighting: {self.weighting!r}, but {method} has a model for each task, in which "
                f"there is nothing to weigh it against; {instead}"
            )

    def check_tables(self, method: str, num_tables: int) -> None:
        """Raise `ConfigError`, beginning with the option, if a method reads so many tables itself.

        One that reads the tables of training alone has 0.
        """
        chosen = {
            "embedding_per_task": self.embedding_per_task,
            "alignment": self.alignment != "none",
        }
        for option, is_chosen in chosen.items():
            if num_tables > 0 and is_chosen:
                raise ConfigError(
                    f"{option}: {getattr(self, option)!r}, but {method} reads several embedding "
                    "tables at once, not one input per task; leave it out, or set it in `variants` "
                    "of other methods"
                )

    @property
    def in_two_phases(self) -> bool:
        """Whether task layers are trained on alone after the whole model was (V17, V18)."""
        return self.alignment in ("frozen", "frozen_control")

    @property
    def rows(self) -> tuple[str, float]:
        """Return what decides which rows of a split are trained on."""
        return self.leaks, self.train_share

    def num_tables(self, num_tasks: int) -> int:
        """Return how many sets of embedding tables a model of T tasks reads."""
        return num_tasks if self.embedding_per_task else 1
