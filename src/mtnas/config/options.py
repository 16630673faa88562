"""Options of training and search; unknown keys are refused.

Each of them may change a result, so all are part of what identifies a run. Nothing here needs
torch, since the workflow reads this before any job starts. D1 ... V15 refer to docs/deviations.md.
"""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.options import Options

RunKey = tuple[str, str, str]  # dataset, method, variant
BUDGET_METHOD = "mtnas"  # hidden widths of the others are solved to match its size


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

    leaks: Literal["keep", "drop"] = Field(
        "keep",
        description="drop: leave out training rows that are of one group with a row of validation "
        "or test, such as copies of a sentence (docs/data.md); for a dataset with groups. An epoch "
        "keeps its number of steps, so some of the other rows come twice",
    )

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out an option that is not chosen, so that no older spec differs from a new one."""
        told: dict[str, Any] = dump(self)
        return {key: told[key] for key in told if (key, told[key]) != ("leaks", "keep")}

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
        if self.leaks == "drop" and not has_groups:
            raise ConfigError(
                "leaks: 'drop', but the dataset has no groups (`group` in its file tells what is "
                "one example); leave it out, or set it for datasets that have"
            )

    def num_tables(self, num_tasks: int) -> int:
        """Return how many sets of embedding tables a model of T tasks reads."""
        return num_tasks if self.embedding_per_task else 1


Derive = Literal["retrain", "inherit", "finetune"]
Strategy = Literal[
    "reinforce",
    "random_search",
    "exhaustive",
    "differentiable",
    "random",
    "full_sharing",
    "no_sharing",
]
CONTROLS: tuple[Strategy, ...] = ("random", "full_sharing", "no_sharing")  # they learn nothing
_BUDGET = ("strategy", "steps", "warmup_steps", "routes_per_step", "batch_size")
_POLICY = ("learning_rate", "fresh_sample", "shared_batch", "entropy_bonus")
_REWARD = ("reward", "baseline", "baseline_momentum", "leave_one_out")
# What each strategy reads of its options: nothing else identifies its result.
READ: dict[Strategy, tuple[str, ...]] = {
    "reinforce": (*_BUDGET, *_POLICY, *_REWARD),
    "random_search": (*_BUDGET, "reward", "judge", "candidates"),
    "exhaustive": (*_BUDGET, "reward", "judge"),
    "differentiable": (*_BUDGET, *_POLICY, "temperature"),
    **dict.fromkeys(CONTROLS, ("strategy",)),
}


class SearchOptions(Options):
    """How a sharing route is searched (Algorithm 1 of the paper, which the defaults follow)."""

    strategy: Strategy = Field(
        "reinforce",
        description="how a route is found. reinforce is the paper's; random_search, exhaustive and "
        "differentiable have the same budget (V15); the others are controls that search nothing",
    )
    steps: int = Field(
        2000, ge=1, description="iterations of Algorithm 1; the paper says 'not converged'"
    )
    learning_rate: float = Field(
        0.01, gt=0, description="step size of Adam for alpha, the preference for each route"
    )
    batch_size: int = Field(1024, ge=2, description="validation examples in a step of alpha")
    reward: Literal["auc_sum", "neg_loss"] = Field(
        "auc_sum",
        description="what a route is rewarded for on validation examples: the sum of the tasks' "
        "AUC, or minus their loss (D4)",
    )
    fresh_sample: bool = Field(
        False,
        description="true: draw a new route for the step of alpha; false: use that of the weight "
        "step (D2)",
    )
    baseline: Literal["exponential", "running_mean"] = Field(
        "exponential",
        description="average of earlier rewards that is subtracted from a reward (D3)",
    )
    baseline_momentum: float = Field(
        0.95,
        ge=0,
        lt=1,
        description="exponential baseline only: share of the old average that is kept (D3)",
    )
    warmup_steps: int = Field(
        0, ge=0, description="weight steps before the first step of alpha (D4)"
    )
    routes_per_step: int = Field(1, ge=1, description="routes sampled for a step of alpha (D4)")
    shared_batch: bool = Field(
        True,
        description="all routes of a step are rewarded on one validation mini-batch; false: each "
        "has its own (D4)",
    )
    leave_one_out: bool = Field(
        False, description="the baseline is the mean reward of the other routes of the step (D4)"
    )
    entropy_bonus: float = Field(
        0.0, ge=0, description="how much undecided route probabilities are rewarded (entropy, D4)"
    )
    candidates: int = Field(64, ge=1, description="random_search only: number of routes to compare")
    judge: Literal["supernet", "training"] = Field(
        "supernet",
        description="random_search and exhaustive only: compare routes with the weights of one "
        "network that all routes share (supernet), or train each alone for its share of the steps "
        "(training)",
    )
    temperature: float = Field(
        1.0, gt=0, description="differentiable only: temperature of the Gumbel-softmax"
    )

    @property
    def weight_steps(self) -> int:
        """Return how many weight steps a search makes."""
        return self.warmup_steps + self.steps

    @property
    def route_evaluations(self) -> int:
        """Return how often a route may be tried on a validation mini-batch."""
        return self.steps * self.routes_per_step

    @model_validator(mode="after")
    def _others_exist(self) -> Self:
        if self.leave_one_out and self.routes_per_step < 2:
            raise ValueError(
                f"leave_one_out needs routes_per_step of at least 2, not {self.routes_per_step}"
            )
        return self


class GateOptions(Options):
    """Gates that can close (hard concrete); in brackets, symbols of Louizos et al. (ICLR 2018)."""

    l0_weight: float = Field(
        1e-3, ge=0, description="penalty in the training loss for each open gate (lambda; V12)"
    )
    initial_drop: float = Field(
        0.5, gt=0, lt=1, description="roughly how likely a gate is closed at first (rho)"
    )
    temperature: float = Field(
        2 / 3,
        gt=0,
        le=1,
        description="temperature of the concrete distribution: low means nearly 0 or 1 (beta)",
    )
    low: float = Field(
        -0.1, lt=0, description="lower end of the range that is cut off at 0 (gamma)"
    )
    high: float = Field(1.1, gt=1, description="upper end of the range that is cut off at 1 (zeta)")


class MethodOptions(Options):
    """Base class of the options of a sharing method."""

    def check_tasks(self, num_tasks: int) -> None:
        """Raise `ConfigError`, beginning with an option, if the options do not suit T tasks."""


class SearchedOptions(MethodOptions):
    """Base class of the options of a method whose sharing route is searched."""

    derive: Derive = Field(
        "retrain",
        description="weights of the model with the searched route: train new ones (retrain), keep "
        "those of the search (inherit), or train those further (finetune) (D5)",
    )
    search: SearchOptions = Field(
        default_factory=SearchOptions, description="how the route is searched (Algorithm 1)"
    )

    def space(self, num_tasks: int) -> SearchSpace:
        """Return the search space for T tasks."""
        raise NotImplementedError
