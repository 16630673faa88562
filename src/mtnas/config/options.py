"""Options of training and search as typed, frozen records; unknown keys are refused.

Everything here may change a number, so all of it enters the run spec. Nothing here needs torch:
the workflow reads it at parse time. D1 ... D9 refer to docs/deviations.md.
"""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.options import Options

BUDGET_METHOD = "mtnas"  # hidden widths of the others are solved to match its size


class TrainingOptions(Options):
    """How weights are trained (paper, Sec. 4.2) and selected on validation data."""

    epochs: int = Field(20, ge=1, description="largest number of passes over the training set")
    patience: int = Field(2, ge=1, description="stop after this many epochs without improvement")
    batch_size: int = Field(512, ge=1, description="examples in a weight step (paper: 512)")
    learning_rate: float = Field(1e-3, gt=0, description="Adam, weights (paper: 0.001)")
    weight_decay: float = Field(
        5e-4, ge=0, description="coupled L2 on every parameter and embedding row (paper: 0.0005)"
    )
    embedding_dim: int = Field(10, ge=1, description="width of an embedding (paper: 10)")
    embedding_std: float = Field(0.01, gt=0, description="spread of initial embeddings")
    dtype: Literal["float32", "float64"] = Field("float32", description="precision of training")
    selection: Literal["model", "task", "source", "seed"] = Field(
        "model",
        description="the weights of the best epoch on validation are kept: one epoch per model, "
        "one per task of a model, one for the tasks of each source, or one for all models of a "
        "seed (V2)",
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
        description="every task of a joint model reads embedding tables of its own; not for a "
        "method that searches",
    )

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if self.loss_weights is not None and not any(self.loss_weights):
            raise ValueError("loss_weights: all are 0, so there is nothing to learn")
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
        needs = {"mixing": "proportional", "mixing_weights": None}
        if self.selection == "source":
            needs["selection"] = "model"
        for option, usual in needs.items():
            value = getattr(self, option)
            if not names and value != usual:
                raise ConfigError(
                    f"{option}: {value!r}, but the dataset has no sources; leave it out, or set it "
                    "for datasets that have"
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
    """How a sharing route is searched (Algorithm 1); defaults are the paper's reading."""

    strategy: Strategy = Field(
        "reinforce",
        description="reinforce is the paper's; random_search, exhaustive and differentiable find a "
        "route at the same budget (V15); the others are controls that search nothing",
    )
    steps: int = Field(2000, ge=1, description="iterations of Algorithm 1 ('not converged')")
    learning_rate: float = Field(0.01, gt=0, description="Adam, architecture parameters")
    batch_size: int = Field(1024, ge=2, description="validation examples in an architecture step")
    reward: Literal["auc_sum", "neg_loss"] = Field("auc_sum", description="R_val (D4)")
    fresh_sample: bool = Field(
        False, description="draw a new route for the architecture step instead of the same (D2)"
    )
    baseline: Literal["exponential", "running_mean"] = Field(
        "exponential", description="moving average of the rewards (D3)"
    )
    baseline_momentum: float = Field(0.95, ge=0, lt=1, description="exponential average only (D3)")
    warmup_steps: int = Field(0, ge=0, description="weight steps before the first alpha step (D4)")
    routes_per_step: int = Field(1, ge=1, description="routes sampled per architecture step (D4)")
    shared_batch: bool = Field(
        True, description="those routes are compared on one validation mini-batch (D4)"
    )
    leave_one_out: bool = Field(
        False, description="baseline = mean reward of the other routes of the step (D4)"
    )
    entropy_bonus: float = Field(0.0, ge=0, description="weight of the entropy of p(alpha) (D4)")
    candidates: int = Field(64, ge=1, description="random_search only: routes that are compared")
    judge: Literal["supernet", "training"] = Field(
        "supernet",
        description="random_search and exhaustive only: routes are compared by the weights of one "
        "supernet, or each is trained alone for its share of the weight steps",
    )
    temperature: float = Field(1.0, gt=0, description="differentiable only: of Gumbel-softmax")

    @property
    def weight_steps(self) -> int:
        """Return how often weights are updated: half of what a search may spend."""
        return self.warmup_steps + self.steps

    @property
    def route_evaluations(self) -> int:
        """Return on how many validation mini-batches a route may be tried: the other half."""
        return self.steps * self.routes_per_step

    @model_validator(mode="after")
    def _others_exist(self) -> Self:
        if self.leave_one_out and self.routes_per_step < 2:
            raise ValueError(
                f"leave_one_out needs routes_per_step of at least 2, not {self.routes_per_step}"
            )
        return self


class GateOptions(Options):
    """Hard-concrete gates and their price; the names of Louizos et al. (ICLR 2018) in brackets."""

    l0_weight: float = Field(
        1e-3, ge=0, description="price of an open gate in the training loss (lambda; V12)"
    )
    initial_drop: float = Field(0.5, gt=0, lt=1, description="sets where log alpha starts (rho)")
    temperature: float = Field(2 / 3, gt=0, le=1, description="of the concrete distribution (beta)")
    low: float = Field(-0.1, lt=0, description="left end before cutting off at 0 (gamma)")
    high: float = Field(1.1, gt=1, description="right end before cutting off at 1 (zeta)")


class MethodOptions(Options):
    """Base of the options of a sharing method."""

    def check_tasks(self, num_tasks: int) -> None:
        """Raise `ConfigError` if the options do not suit T tasks; it begins with the option."""


class SearchedOptions(MethodOptions):
    """Base of the options of a method whose sharing route is searched."""

    derive: Derive = Field(
        "retrain",
        description="weights under the searched route: trained anew, those of the supernet as they "
        "are, or those trained on (D5)",
    )
    search: SearchOptions = Field(default_factory=SearchOptions, description="Algorithm 1")

    def space(self, num_tasks: int) -> SearchSpace:
        """Return the search space for T tasks."""
        raise NotImplementedError
