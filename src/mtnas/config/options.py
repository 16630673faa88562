"""Options of training and search; unknown keys are refused.

Each of them may change a result, so all are part of what identifies a run. Nothing here needs
torch, since the workflow reads this before any job starts. D1 ... V15 refer to docs/deviations.md.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mtnas.config.training import TrainingOptions as TrainingOptions
from mtnas.routes.space import SearchSpace
from mtnas.runtime.files import Json
from mtnas.runtime.options import Options
from mtnas.runtime.record import without_defaults

RunKey = tuple[str, str, str]  # dataset, method, variant
SubsetKey = tuple[str, str, str, str]  # name of an entry of `subsets`, and a RunKey
BUDGET_METHOD = "mtnas"  # hidden widths of the others are solved to match its size


Derive = Literal["retrain", "inherit", "finetune"]
OfSupernet = Literal["searched", "random", "full_sharing"]  # a route whose weights a search leaves
SizeOf = Literal["network", "routes"]
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
_END = ("until", "checks", "check_every", "entropy_left", "epochs")
_NEWER = (*_END, "permuted")
# What each strategy reads of its options: nothing else identifies its result.
READ: dict[Strategy, tuple[str, ...]] = {
    "reinforce": (*_BUDGET, *_POLICY, *_REWARD, *_NEWER),
    "random_search": (*_BUDGET, "reward", "judge", "candidates"),
    "exhaustive": (*_BUDGET, "reward", "judge"),
    "differentiable": (*_BUDGET, *_POLICY, "temperature", *_END),
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

    until: Literal["steps", "route", "entropy"] = Field(
        "steps",
        description="when a search has converged: never, it makes all steps (steps); when its most "
        "probable route stays the same (route), or little entropy is left (entropy), at `checks` "
        "checks one after the other (D16)",
    )
    checks: int = Field(10, ge=1, description="until route or entropy only: checks in a row")
    check_every: int = Field(
        100, ge=1, description="until route or entropy only: steps of alpha between two checks"
    )
    entropy_left: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="until entropy only: share of the entropy of a blind choice, at most",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        description="most steps of alpha, in passes over the training rows; null: as many as "
        "`steps` says",
    )
    permuted: bool = Field(
        False,
        description="true: a control in which every reward goes to another route than the one that "
        "earned it, drawn anew from the same probabilities, so that rewards tell nothing (D17)",
    )

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out newer options that are not chosen, so that no older spec differs."""
        fields = self.__class__.model_fields
        return without_defaults(dump(self), {name: fields[name].default for name in _NEWER})

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

    @model_validator(mode="after")
    def _strategy_learns(self) -> Self:
        chosen = {"until": self.until != "steps", "epochs": self.epochs, "permuted": self.permuted}
        for name, value in chosen.items():
            if value and name not in READ[self.strategy]:
                able = ", ".join(strategy for strategy, read in READ.items() if name in read)
                raise ValueError(
                    f"{name}: {getattr(self, name)!r} is nothing for strategy {self.strategy!r}; "
                    f"leave it out, or use one of {able}"
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


HiddenDim = Annotated[
    int | None,
    Field(
        ge=1,
        description="width of all layers, or of every expert; null: chosen to make the model as "
        "large as MTNAS",
    ),
]


class MethodOptions(Options):
    """Base class of the options of a sharing method."""

    def check_tasks(self, num_tasks: int) -> None:
        """Raise `ConfigError`, beginning with an option, if the options do not suit T tasks."""

    def num_tables(self, num_tasks: int) -> int:
        """Return how many sets of embedding tables the network of T tasks reads at once.

        It then gets x_RBD, the input by every table. 0: it reads one input, x_BD.
        """
        return 0

    def num_readers(self, num_tasks: int, training: TrainingOptions) -> int:
        """Return how many sets of embedding tables a model of T tasks has."""
        return self.num_tables(num_tasks) or training.num_tables(num_tasks)


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
    route: OfSupernet = Field(
        "searched",
        description="with derive inherit or finetune alone: which route takes the weights of the "
        "search, the one that it found, or, as a control, full sharing or a random one (D15)",
    )
    size_of: SizeOf = Field(
        "network",
        description="with hidden_dim null alone: as many parameters as variant `paper` has in all "
        "(network), or as its searched routes use on average over the seeds (routes); the latter "
        "for a control that searches nothing (D15)",
    )

    def space(self, num_tasks: int) -> SearchSpace:
        """Return the search space for T tasks."""
        raise NotImplementedError
