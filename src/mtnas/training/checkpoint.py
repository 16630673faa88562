"""Checkpoints: files from which a job that was interrupted continues.

A checkpoint is one .safetensors file for the work on one group of seeds: tensors under dotted
names, everything else as JSON in the file's metadata. A new one replaces the old one when it is
whole.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mtnas.runtime import signals
from mtnas.runtime.errors import MtnasError, StoppedError
from mtnas.runtime.files import CHANGED, atomic_path

log = logging.getLogger(__name__)

EVERY_S = 60.0  # between two checkpoints; work that takes less never writes one
COST = 20  # times what writing the last one took, where that is longer: 5 % of the time at most
META, DIGEST = "mtnas", "sha256"
BROKEN = (OSError, SafetensorError, ValueError, LookupError, TypeError)  # of a file cut or edited
TORCH, NUMPY = "$torch", "$numpy"  # in the JSON: a tensor or an array stands here, by this name

Tree = Any  # nested dicts and lists of tensors, arrays, finite numbers, strings and None
Saved = dict[str, Tree]  # what an object puts into the file, which only its own `load` reads


class Stateful(Protocol):
    """What has a state that a checkpoint keeps."""

    def state(self) -> Saved:
        """Return all that the rest depends on; tensors need not be copies."""

    def load(self, state: Saved) -> None:
        """Go on from such a state. Its tensors are parts of the file, on the CPU: copy them."""


class Work(Stateful, Protocol):
    """Work that can be interrupted after any step and continued by another process.

    The result is the same to the last bit.
    """

    @property
    def at(self) -> str:
        """Say how far it is, such as `step 7 of 80 in epoch 2`."""


class MisfitError(MtnasError):
    """A checkpoint that can be read, but is of other work than the one to be continued."""


class Checkpoint:
    """The checkpoint of one group of seeds; without a path it does nothing."""

    def __init__(self, path: Path | None = None) -> None:
        """Start the clock."""
        self.path = path
        self.seconds = 0.0  # that earlier attempts took up to here
        self._started = self._last = time.perf_counter()
        self._pause = EVERY_S

    def resume(self, work: Work) -> None:
        """Let work continue from the checkpoint, if there is one that can be read.

        Raises:
            MisfitError: it is of something else; `work` may be in any state.
        """
        if self.path is None:
            return
        for unfinished in self.path.parent.glob(f".{self.path.stem}.*{self.path.suffix}"):
            unfinished.unlink(missing_ok=True)  # of a process that was killed while it wrote
        if not self.path.is_file():
            return
        try:
            content = read_tree(self.path)
            at, seconds, state = content["at"], float(content["seconds"]), content["state"]
        except BROKEN as error:
            log.warning("%s: no checkpoint (%s); starting anew", self.path, error)
            return
        try:
            work.load(state)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise MisfitError(f"{self.path}: not of this work ({error!r})") from error
        self.seconds = seconds
        log.info("%s, after %.0f s: taken up from %s", at, seconds, self.path)

    def part(self, number: int) -> "Checkpoint":
        """Return the checkpoint of a part of this work, which lies beside this one."""
        path = self.path
        return Checkpoint(path and path.with_name(f"{path.stem}.{number}{path.suffix}"))

    def remove(self) -> None:
        """Remove the file, and those of parts."""
        if self.path is not None:
            parts = self.path.parent.glob(f"{self.path.stem}.[0-9]*{self.path.suffix}")
            for path in (self.path, *parts):
                path.unlink(missing_ok=True)

    def watching(self) -> AbstractContextManager[None]:
        """Let the end wait, if this process is told to end, until work is kept."""
        return nullcontext() if self.path is None else signals.postponed()

    def keep(self, work: Work) -> None:
        """Write the state of work if it is time to; call this after every step.

        Raises:
            StoppedError: this process was told to end, and the state is written.
        """
        if self.path is None:
            return
        due = time.perf_counter() - self._last >= self._pause
        if not (due or signals.asked()):
            return
        problem = self._write(work)
        if signals.asked():
            where = f"{self.path} holds {work.at}, and the same command goes on from there"
            raise StoppedError(f"{signals.told()}; {where if problem is None else problem}")
        if problem is not None:
            log.warning("%s", problem)

    def _write(self, work: Work) -> str | None:
        """Write the state of work; return what went wrong, if so."""
        assert self.path is not None
        began, problem = time.perf_counter(), None
        seconds = self.seconds + began - self._started
        try:
            write_tree(self.path, {"at": work.at, "seconds": seconds, "state": work.state()})
        except (OSError, SafetensorError) as error:
            problem = f"{self.path}: {work.at} cannot be kept ({error})"
        self._last = time.perf_counter()
        self._pause = max(EVERY_S, COST * (self._last - began))
        return problem


def _without_tensors(tree: Tree, name: str, tensors: dict[str, Tensor]) -> Tree:
    """Return a tree with names in place of its tensors and arrays, which go into `tensors`."""
    if isinstance(tree, Tensor):
        tensors[name] = tree.detach().contiguous()
        return {TORCH: name}
    if isinstance(tree, np.ndarray):
        tensors[name] = torch.from_numpy(np.ascontiguousarray(tree))
        return {NUMPY: name}
    inner = f"{name}." if name else ""
    if isinstance(tree, Mapping):
        return {k: _without_tensors(v, f"{inner}{k}", tensors) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return [_without_tensors(v, f"{inner}{i}", tensors) for i, v in enumerate(tree)]
    return tree


def _with_tensors(tree: Tree, get: Callable[[str], Tensor]) -> Tree:
    """Undo `_without_tensors`."""
    if isinstance(tree, list):
        return [_with_tensors(value, get) for value in tree]
    if not isinstance(tree, dict):
        return tree
    if TORCH in tree:
        return get(tree[TORCH])
    if NUMPY in tree:
        return get(tree[NUMPY]).numpy().copy()
    return {key: _with_tensors(value, get) for key, value in tree.items()}


def write_tree(path: Path, tree: Tree) -> None:
    """Write a tree as one .safetensors file, whole and on the disk, or not at all."""
    tensors: dict[str, Tensor] = {}
    content = json.dumps(_without_tensors(tree, "", tensors), allow_nan=False)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {META: content, DIGEST: _digest(content, tensors)})
        _flush(temporary)


def read_tree(path: Path) -> Tree:
    """Read what `write_tree` wrote. Arrays are copies; tuples have become lists.

    Raises:
        Exception: one of `BROKEN`; the file is not such a tree.
    """
    with safe_open(path, framework="pt") as file:
        told, names = file.metadata(), file.keys()
        tensors = {name: file.get_tensor(name) for name in names}
    if told[DIGEST] != _digest(told[META], tensors):
        raise ValueError(CHANGED)
    return _with_tensors(json.loads(told[META]), tensors.__getitem__)


def _digest(content: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of a tree: a changed bit of a weight would go on to other numbers."""
    digest = hashlib.sha256(content.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.cpu().numpy().ravel().data)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    """Wait until a file is on the disk, lest a power cut leave an empty one."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
