"""What a weight step would copy between a CPU and a GPU, found without a GPU.

Tensors on the device `meta` have shapes and no values: what needs a value fails (`.item()`, a
branch on a tensor, a boolean mask, `nonzero`), and any tensor on the CPU is one that a GPU would
wait for.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mtnas.training.data import Examples

MAKES = (torch.tensor, torch.as_tensor, torch.from_numpy)  # of what is in Python or numpy


class Waits(TorchDispatchMode):
    """Note every operation, those that read or make a tensor of the CPU, calls of `MAKES`, and
    lists as an index.

    A number beside a tensor is handed to its kernel, so it counts only where it is copied.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[str] = []
        self.found: list[str] = []
        self._calls = _Calls(self.found)

    def __enter__(self) -> "Waits":
        self._calls.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        self._calls.__exit__(*problem)

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result, name = op(*args, **(kwargs or {})), str(op)
        tensors = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, Tensor)]
        own = [t for t in tensors if t.device.type == "cpu"]
        self.operations.append(name)
        if any(t.dim() > 0 for t in own) or (own and "copy" in name):
            self.found.append(name)
        return result


class _Calls(TorchFunctionMode):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self._found = found

    def __torch_function__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        index = args[1] if call in (Tensor.__getitem__, Tensor.__setitem__) else ()
        lists = any(isinstance(i, list) for i in (index if isinstance(index, tuple) else (index,)))
        if call in MAKES or lists:
            self._found.append(call.__name__)
        return call(*args, **(kwargs or {}))


def without_values(examples: Examples) -> Examples:
    """Return examples on `meta`, which remember whether labels are missing."""
    complete = examples.complete
    noisy = {seed: labels.to("meta") for seed, labels in examples.of_seeds.items()}
    moved = replace(examples.to("meta"), of_seeds=noisy)
    moved.__dict__["complete"] = complete  # a GPU is asked once, at the start
    return moved


def no_batch(members: int, size: int) -> Tensor:
    """Return row numbers without values, index_MB."""
    return torch.empty(members, size, dtype=torch.long, device="meta")
