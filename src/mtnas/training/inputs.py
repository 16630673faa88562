"""The inputs of all examples on one device, shared by all members: ids, numbers, feature blocks.

What is looked up in embedding tables is read by `training.ensemble`; all else is read here.
Shapes: M members, B batch, C columns of ids, D numbers, K rows of a matrix, W its width, P what is
read of an example without an embedding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.data.prepare.manifest import InputLayout
from mtnas.data.prepare.store import Inputs

CHUNK_ROWS = 1 << 18  # bounds the memory of measuring numbers


@dataclass(frozen=True)
class NumberScale:
    """Mean and spread that every member standardises its numbers with; 0 and 1 for others.

    They are those of the member's own training rows; validation and test rows have no part in them.
    The spread of a number that does not vary there is infinite: it is 0 in every row.
    """

    mean_MD: Tensor  # float64
    spread_MD: Tensor

    @classmethod
    def neutral(cls, members: int, numbers: int, device: torch.device | str) -> "NumberScale":
        """Return the scale that changes nothing."""
        mean_MD = torch.zeros(members, numbers, dtype=torch.float64, device=device)
        return cls(mean_MD, torch.ones_like(mean_MD))

    def state(self) -> dict[str, Tensor]:
        """Return it by name; not copies."""
        return {"number_mean": self.mean_MD, "number_spread": self.spread_MD}


@dataclass(frozen=True)
class MixedInputs:
    """The inputs of all examples, memory-mapped on a CPU; see `data.prepare.store.Inputs`."""

    layout: InputLayout
    ids: Tensor  # [rows, C], int32
    numbers: Tensor | None = None  # [rows, D], NaN where missing
    features: tuple[tuple[Tensor, Tensor], ...] = ()  # rows of the matrix (-1: missing), [K, W]

    @classmethod
    def of(cls, inputs: Inputs) -> "MixedInputs":
        """Take the inputs of a prepared table, without a copy."""
        numbers = None if inputs.numbers is None else torch.from_numpy(inputs.numbers)
        features = tuple((_tensor(rows), _tensor(matrix)) for rows, matrix in inputs.features)
        return cls(inputs.layout, torch.from_numpy(inputs.ids), numbers, features)

    def to(self, device: str) -> "MixedInputs":
        """Return the same inputs on a device."""
        numbers = None if self.numbers is None else self.numbers.to(device)
        features = tuple((rows.to(device), matrix.to(device)) for rows, matrix in self.features)
        return replace(self, ids=self.ids.to(device), numbers=numbers, features=features)

    def plain(self, index_MB: Tensor, scale: NumberScale, dtype: torch.dtype) -> list[Tensor]:
        """Return the part of the network's input that needs no embedding, as tensors to be joined.

        First the numbers, then where they are missing, then every feature block, followed by where
        it is missing if it ever is. What is missing is 0: the mean of a standardised number.
        """
        parts = [] if self.numbers is None else self._numbers(index_MB, scale)
        for block, (rows, matrix) in zip(self.layout.features, self.features, strict=True):
            rows_MB = rows[index_MB]
            missing_MB1 = (rows_MB < 0).unsqueeze(-1)
            parts.append(matrix[rows_MB.clamp(min=0)].masked_fill(missing_MB1, 0))
            if block.has_missing:
                parts.append(missing_MB1)
        return [part.to(dtype) for part in parts]

    def _numbers(self, index_MB: Tensor, scale: NumberScale) -> list[Tensor]:
        """Return numbers, standardised where they are to be, and where they are missing."""
        assert self.numbers is not None
        layout, x_MBD = self.layout.numbers, self.numbers[index_MB]
        missing_MBD = x_MBD.isnan()
        if any(number.standardized for number in layout):
            x_MBD = (x_MBD - scale.mean_MD.unsqueeze(1)) / scale.spread_MD.unsqueeze(1)
        told = [d for d, number in enumerate(layout) if number.has_missing]
        if not told:
            return [x_MBD]
        # One by one: a list of them would be copied to a GPU, which waits.
        missing = torch.stack([missing_MBD[..., d] for d in told], -1)
        return [x_MBD.masked_fill(missing_MBD, 0), missing]

    def scale_of(self, rows: Sequence[NDArray[np.int64]]) -> NumberScale:
        """Return mean and population spread of the numbers in the rows of each member.

        A number that is the same in all of them, or in none, has an infinite spread: nothing can be
        learned from it, so it is 0 in all other rows, too.
        """
        assert self.numbers is not None
        measured = [_moments(self.numbers, torch.from_numpy(own)) for own in rows]
        mean_MD, spread_MD = (torch.stack(parts) for parts in zip(*measured, strict=True))
        chosen_D = torch.tensor([number.standardized for number in self.layout.numbers])
        mean_MD = torch.where(chosen_D, mean_MD, 0.0)
        spread_MD = torch.where(chosen_D, spread_MD, 1.0)
        return NumberScale(mean_MD.to(self.numbers.device), spread_MD.to(self.numbers.device))


def _tensor(array: NDArray[np.int32] | NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(array)


def _moments(numbers: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean_D and spread_D, in float64, of numbers that may be missing."""

    def chunks() -> Iterator[Tensor]:
        for chunk in torch.split(rows, CHUNK_ROWS):
            yield numbers[chunk.to(numbers.device)].double().cpu()

    dims = numbers.shape[1]
    total, squares, count = torch.zeros(3, dims, dtype=torch.float64)
    low, high = torch.full((dims,), torch.inf), torch.full((dims,), -torch.inf)
    for x_ND in chunks():
        missing = x_ND.isnan()
        count += (~missing).sum(0)
        total += x_ND.masked_fill(missing, 0).sum(0)
        low = torch.minimum(low, x_ND.masked_fill(missing, torch.inf).amin(0))
        high = torch.maximum(high, x_ND.masked_fill(missing, -torch.inf).amax(0))
    mean = total / count.clamp(min=1)
    for x_ND in chunks():
        squares += (x_ND - mean).nan_to_num(0).square().sum(0)
    spread = (squares / count.clamp(min=1)).sqrt()
    # Of equal values rounding may leave a spread that is not quite 0.
    return mean, torch.where((low < high) & (spread > 0), spread, torch.inf)
