"""One module from encoded rows to predictions, and its `torch.export` program.

Shapes: B rows, C columns of ids, D numbers, W width of a block of features, O outputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtnas.data.prepare.manifest import InputLayout, TaskSummary
from mtnas.export.trained import Trained, Weights
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.routes.route import Route
from mtnas.tasks.kinds import TASK_KINDS
from mtnas.training.data import output_layout

IDS, NUMBERS, FEATURES = "ids", "numbers", "features_{field}"
_TABLE, _BESIDE = "embedding", ("number_mean", "number_spread", "label_mean", "label_spread")


def input_names(layout: InputLayout) -> list[str]:
    """Name the inputs of a program in their order.

    `ids` is int64 [B, C], rows of the embedding table; `numbers` float32 [B, D], NaN where missing;
    `features_<field>` float32 [B, W], a row of NaN where missing.
    """
    names = [IDS] * bool(layout.num_columns) + [NUMBERS] * bool(layout.numbers)
    return [*names, *(FEATURES.format(field=block.name) for block in layout.features)]


class TrainedModel(nn.Module):
    """One trained model with its embedding table: from encoded rows to outputs.

    The table has one row more than in training, of zeros: for a value that was in no prepared row.
    Zero is the mean of what embeddings begin as.
    """

    table: Tensor
    mean_D: Tensor
    spread_D: Tensor
    label_2T: Tensor

    def __init__(self, trained: Trained, weights: Weights, route: Route | None) -> None:
        super().__init__()
        tensors, layout = weights.tensors, trained.manifest.layout
        self._layout, own = layout, output_layout(trained.manifest.tasks).of(weights.tasks)
        self.model = _built(trained, weights, own.widths, route)
        table_NE = tensors[_TABLE]
        self._padding = len(table_NE) - 1
        self.register_buffer(
            "table", torch.cat([table_NE, table_NE.new_zeros(1, *table_NE.shape[1:])])
        )
        zeros_D = torch.zeros(len(layout.numbers), dtype=torch.float64)
        self.register_buffer("mean_D", tensors.get("number_mean", zeros_D))
        self.register_buffer("spread_D", tensors.get("number_spread", zeros_D + 1))
        zeros_T = torch.zeros(len(weights.tasks), dtype=torch.float64)
        self._answers = [weights.tasks.index(task) for task in weights.answers]
        scale = tensors.get("label_mean", zeros_T), tensors.get("label_spread", zeros_T + 1)
        self.register_buffer("label_2T", torch.stack(scale)[:, self._answers])
        self._widths = list(own.widths)

    def forward(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """Return the outputs [B, outputs of a task] of every task that it answers, in float64."""
        read = [*self._embedded(inputs), *self._numbers(inputs), *self._features(inputs)]
        out_BO = self.model(torch.cat(read, -1))
        parts = torch.split(out_BO.double(), self._widths, -1)
        return [parts[place] for place in self._answers]

    def _embedded(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        if IDS not in inputs:
            return []
        ids_BC = inputs[IDS]
        rows_BCE = self.table[ids_BC]
        return [self.model.encoder.joined(rows_BCE, ids_BC, (), padding=self._padding)]

    def _numbers(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """Return standardised numbers, 0 where one is missing, and where that is."""
        if NUMBERS not in inputs:
            return []
        x_BD = inputs[NUMBERS]
        missing_BD = x_BD.isnan()
        x_BD = ((x_BD.double() - self.mean_D) / self.spread_D).masked_fill(missing_BD, 0)
        told = [d for d, number in enumerate(self._layout.numbers) if number.has_missing]
        parts = [x_BD, missing_BD[:, told]] if told else [x_BD]
        return [part.to(self.table.dtype) for part in parts]

    def _features(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        parts = []
        for block in self._layout.features:
            x_BW = inputs[FEATURES.format(field=block.name)]
            missing_B1 = x_BW.isnan().any(-1, keepdim=True)
            parts.append(x_BW.masked_fill(missing_B1, 0))
            if block.has_missing:
                parts.append(missing_B1)
        return [part.to(self.table.dtype) for part in parts]


class Program(nn.Module):
    """All models of a seed: from encoded rows to what is predicted of every task, [B, O].

    A binary task has the probability of 1, one with classes that of each, a regression its value in
    the user's unit; float64, tasks in the order of the dataset.
    """

    def __init__(
        self, layout: InputLayout, tasks: Sequence[TaskSummary], models: Sequence[TrainedModel]
    ) -> None:
        super().__init__()
        self._names, self._kinds = input_names(layout), [TASK_KINDS[task.kind] for task in tasks]
        self.models = models
        self._registered = nn.ModuleList(models)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return predictions of the inputs that `input_names` names."""
        named = dict(zip(self._names, inputs, strict=True))
        outputs = [out for model in self.models for out in model(named)]
        label_2T = torch.cat([model.label_2T for model in self.models], -1)
        predicted = []
        for t, (kind, out_BW) in enumerate(zip(self._kinds, outputs, strict=True)):
            said_BW = kind.predict(out_BW)
            if kind.standardized:
                said_BW = said_BW * label_2T[1, t] + label_2T[0, t]
            predicted.append(said_BW)
        return torch.cat(predicted, -1)


def program_of(trained: Trained, seed: int, route: Route | None) -> Program:
    """Return the program of a seed, all of whose models have a route, if it is not None."""
    models = [TrainedModel(trained, weights, route) for weights in trained.weights(seed)]
    facts = trained.manifest
    return Program(facts.layout, facts.tasks, models).eval().requires_grad_(False)


def exported(program: Program, layout: InputLayout) -> torch.export.ExportedProgram:
    """Return the `torch.export` program, for any number of rows."""
    columns, rows = layout.num_columns, 3
    examples = [torch.zeros(rows, columns, dtype=torch.int64)] if columns else []
    examples += [torch.zeros(rows, len(layout.numbers))] if layout.numbers else []
    examples += [torch.zeros(rows, block.width) for block in layout.features]
    any_number = torch.export.Dim("rows")
    shapes = {"inputs": tuple({0: any_number} for _ in examples)}
    with torch.no_grad():
        traced = torch.export.export(program, tuple(examples), dynamic_shapes=shapes)
    for node in traced.graph.nodes:  # it tells where the code lay on the disk of its author
        node.meta.pop("stack_trace", None)
    return traced


def _built(trained: Trained, weights: Weights, widths: Sequence[int], route: Route | None) -> Model:
    """Return a model with its trained parameters."""
    record, method = trained.run.record, trained.method
    training, number = record.spec.trained, len(weights.tasks)
    options = method.options.of(record.options, f"methods.{method.name}")
    readers = options.num_readers(number, training)
    model = Model(
        method,
        options,
        encoder=Encoder(trained.manifest.layout, training.embedding_dim, num_readers=readers),
        num_tasks=number,
        widths=widths,
        route=route,
        alignment=training.alignment,
    )
    parameters = {n: t for n, t in weights.tensors.items() if n not in (_TABLE, *_BESIDE)}
    model.load_state_dict({**model.state_dict(), **parameters}, assign=True)
    return model
