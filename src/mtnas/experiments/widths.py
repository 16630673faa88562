"""How wide a model is: its encoder, its heads, and what its parameter budget leaves to choose."""

from collections.abc import Sequence

from mtnas import methods
from mtnas.config.options import BUDGET_METHOD, MethodOptions, TrainingOptions
from mtnas.methods import Method
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import outline, solve_width
from mtnas.routes.route import Route
from mtnas.runtime.errors import ConfigError
from mtnas.study.specs import ModelSpec
from mtnas.training.data import Examples


def solved(
    spec: ModelSpec,
    method: Method,
    options: MethodOptions,
    examples: Examples,
    match: Sequence[Route] = (),
) -> MethodOptions:
    """Return the options of a method with the width that a spec's parameter budget gives it (V3).

    Without a budget, and for a method that trains nothing, they stay as they are. If there are
    routes to `match`, the budget is what they use of the network of MTNAS, on average (D15).

    Raises:
        ConfigError: every task is to have tables of its own, and there are none.
    """
    input_dim = encoder_of(examples, spec.trained, options, len(examples.tasks)).output_dim
    if spec.budget is None or method.sharing is None:
        return options
    reference = methods.load(BUDGET_METHOD)
    searched = reference.options.of(spec.budget, f"methods.{BUDGET_METHOD}")
    widths = head_widths(reference, examples)
    encoder = Encoder.of_numbers(input_dim)
    model = outline(reference, searched, encoder=encoder, num_tasks=len(widths), widths=widths)
    used = [model.num_parameters(route) for route in match] or [model.num_parameters()]
    budget = round(sum(used) / len(used))
    widths = head_widths(method, examples)
    return solve_width(
        method, options, budget, input_dim=input_dim, num_tasks=len(widths), widths=widths
    )


def head_widths(method: Method, examples: Examples) -> tuple[int, ...]:
    """Return how many outputs each task of a model has.

    Where every task has a model of its own, it is the model with the most outputs.
    """
    widths = examples.output_layout.widths
    return (max(widths),) if method.per_task else widths


def encoder_of(
    examples: Examples, training: TrainingOptions, options: MethodOptions, num_tasks: int
) -> Encoder:
    """Return the encoder of a model of T tasks.

    Raises:
        ConfigError: tasks are to have tables of their own, and there are none.
    """
    layout = examples.inputs.layout
    several = {
        "training.embedding_per_task: true": training.embedding_per_task,
        "the method reads several embedding tables": options.num_tables(num_tasks) > 0,
    }
    for said, is_so in several.items():
        if is_so and layout.num_embedded == 0:
            raise ConfigError(
                f"{said}, but all inputs of the dataset are numbers or features, without "
                "embeddings; leave it out"
            )
    readers = options.num_readers(num_tasks, training)
    return Encoder(layout, training.embedding_dim, num_readers=readers)
